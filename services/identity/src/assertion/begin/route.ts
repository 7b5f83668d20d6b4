import { canonicalJson, idOf, type JsonObject, sha256 } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { askForSignature, ChallengeId } from '../../challenges.ts'
import { namedPasskeys } from '../../credential/queries.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions, requestOptions } from '../../passkeys.ts'
import { hashOfSigned, Signed } from '../../signed-operations.ts'
import { subjectKey } from '../../subject-keys.ts'

const OPERATION_BYTES = 32_768
const Active = z.object({ id: z.string() })
const personId = idOf<'person'>()
const [approval, delegation, connection] = Signed.options

/** What is signed, exactly. Of any `other` JSON object its owner puts in what makes it one of a kind, a time or a random id. */
const Wanted = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('other').optional(), personId, operation: z.record(z.string(), z.json()) }),
  approval.extend({ personId }),
  delegation.extend({ personId }),
  connection.extend({ personId }),
])
type Wanted = z.output<typeof Wanted>

export const beginAssertionRoute = operation({
  post: '/internal/assertions:begin',
  id: 'beginAssertion',
  summary: 'Ask a person to sign one exact operation with a passkey',
  internal: { auth: 'token', callers: ['companion', 'memory'] },
  /** On an approval, a contract or a connection mandates are minted; on anything `other` nothing is. */
  body: Wanted,
  /** `operationHash`: SHA-256 of the canonical operation (RFC 8785), hex; of one with a kind it goes after `loomworks/<kind>/1` and a zero byte. Its
   *  bytes are the challenge. Good for five minutes. */
  reply: z.object({ challengeId: ChallengeId, operationHash: z.string(), canonical: z.string(), options: CeremonyOptions }),
  refuses: [shared.not_found, shared.actor_refused, shared.internal_token_invalid, shared.invalid_body],

  async answer({ body, token }, parts: IdentityParts) {
    const { db, clock, rp } = parts
    const canonical = canonicalJson(body.operation as JsonObject)
    if (canonical.length > OPERATION_BYTES) throw wrong('', `has at most ${OPERATION_BYTES} letters`)
    const person = await maybe(db, Active, sql`select id from identity.persons where id = ${body.personId} and state = 'active'`)
    if (person === undefined) throw shared.not_found()
    const signing = letsNothing(body) ? undefined : await sealing(parts, body, token.azp)
    const operationHash = signing === undefined ? sha256(canonical) : hashOfSigned(signing.signed)
    const challenge = Buffer.from(operationHash, 'hex')
    const { id } = await askForSignature(db, { personId: body.personId, challenge, signing }, clock.now())
    const options = { ...(await requestOptions(rp, challenge, await namedPasskeys(db, body.personId, ['active']))) }
    return { challengeId: id, operationHash, canonical, options }
  },
})

function letsNothing(body: Wanted): body is Extract<Wanted, { kind?: 'other' | undefined }> {
  return body.kind === undefined || body.kind === 'other'
}

/** What lets something be done is asked for by who does it, here and in time. */
async function sealing(parts: IdentityParts, { personId: of, ...signed }: Exclude<Wanted, { kind?: 'other' | undefined }>, azp: string) {
  if (azp !== 'companion') throw shared.actor_refused()
  const { rp_id, expires_at } = signed.operation
  if (rp_id !== parts.rp.id) throw wrong('/rp_id', 'is where the passkey is from')
  if (Date.parse(expires_at) <= parts.clock.now()) throw wrong('/expires_at', 'is to come')
  const key = await subjectKey(parts, of, 'identity')
  if (!Buffer.isBuffer(key)) throw shared.not_found()
  return { key, signed }
}

function wrong(at: string, message: string): Error {
  return shared.invalid_body({ errors: [{ pointer: `/operation${at}`, code: 'custom', message }] })
}
