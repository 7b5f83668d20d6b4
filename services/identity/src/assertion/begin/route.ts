import { createHash } from 'node:crypto'
import { canonicalJson, idOf, newId } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { askForPerson, ChallengeId } from '../../challenges.ts'
import { namedPasskeys } from '../../credential/queries.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions, requestOptions } from '../../passkeys.ts'

const OPERATION_BYTES = 32_768
const Active = z.object({ id: z.string() })

/** What is signed, exactly: any JSON object. Its owner puts in what makes it one of a kind, a time or a random id. */
const Operation = z
  .record(z.string(), z.json())
  .refine((value) => JSON.stringify(value).length <= OPERATION_BYTES, { message: `has at most ${OPERATION_BYTES} bytes` })

export const beginAssertionRoute = operation({
  post: '/internal/assertions:begin',
  id: 'beginAssertion',
  summary: 'Ask a person to sign one exact operation with a passkey',
  internal: { auth: 'token', callers: ['companion', 'memory'] },
  body: z.strictObject({ personId: idOf<'person'>(), operation: Operation }),
  /** `operationHash`: SHA-256 of the canonical operation (RFC 8785), hex; its bytes are the challenge. Good for five minutes. */
  reply: z.object({ challengeId: ChallengeId, operationHash: z.string(), canonical: z.string(), options: CeremonyOptions }),
  refuses: [shared.not_found, shared.actor_refused, shared.internal_token_invalid, shared.invalid_body],

  async answer({ body }, { db, clock, rp }: IdentityParts) {
    const person = await maybe(db, Active, sql`select id from identity.persons where id = ${body.personId} and state = 'active'`)
    if (person === undefined) throw shared.not_found()
    const canonical = canonicalJson(body.operation)
    const challenge = createHash('sha256').update(canonical).digest()
    const { id } = await askForPerson(db, { purpose: 'operation', personId: body.personId }, clock.now(), { id: newId(clock.now()), challenge })
    const options = { ...(await requestOptions(rp, challenge, await namedPasskeys(db, body.personId, ['active']))) }
    return { challengeId: id, operationHash: challenge.toString('hex'), canonical, options }
  },
})
