import { SignedKind } from '@loomworks/contracts'
import { actorFromPerson, idOf, timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { ChallengeId } from '../../challenges.ts'
import { raiseDelegation } from '../../delegations.ts'
import { credential, login, assertion as refuse } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { type ProvenPasskey, provenByPasskey } from '../../passkey-proofs.ts'
import { AuthenticationCredential } from '../../passkeys.ts'
import { keepVerified, openOperation, type Signed } from '../../signed-operations.ts'
import { subjectKey } from '../../subject-keys.ts'

const Asked = z.object({ person_id: idOf<'person'>(), kind: SignedKind.nullable(), operation: z.instanceof(Buffer).nullable() })

/** Bytes as base64url, the hash as hex; the public key is the COSE key the passkey was registered with (RFC 9052). */
const Attestation = z.object({
  credentialId: z.string(),
  publicKey: z.string(),
  operationHash: z.string(),
  authenticatorData: z.string(),
  clientDataJSON: z.string(),
  signature: z.string(),
  verifiedAt: z.string(),
})

export const verifyAssertionRoute = operation({
  post: '/internal/assertions:verify',
  id: 'verifyAssertion',
  summary: 'Whether a person has signed the operation they were asked for',
  internal: { auth: 'token', callers: ['companion', 'memory'] },
  body: z.strictObject({ challengeId: ChallengeId, assertion: AuthenticationCredential }),
  /** Everything that whoever doubts it needs, without asking anybody. */
  reply: Attestation,
  refuses: [
    login.refused,
    login.challenge_expired,
    credential.clone_suspected,
    refuse.used,
    refuse.outdated,
    refuse.expired,
    shared.rate_limited,
    shared.actor_refused,
    shared.internal_token_invalid,
    shared.invalid_body,
  ],

  async answer({ body, caller }, parts: IdentityParts) {
    const asked = await maybe(
      parts.db,
      Asked,
      sql`select person_id, kind, operation from identity.challenges where id = ${body.challengeId} and purpose = 'operation'`,
    )
    if (asked === undefined) throw login.refused()
    const personId = asked.person_id
    const waiting = await waitingFor(parts, body.challengeId, asked)
    const shown = {
      purpose: 'operation',
      personId,
      challengeId: body.challengeId,
      credential: body.assertion,
      caller: { ...caller, actor: actorFromPerson(personId) },
    } as const
    return provenByPasskey(parts, shown, async (tx, proven) => {
      const nowMs = parts.clock.now()
      await accept(tx, proven, { waiting, nowMs })
      return attestationOf(proven, body.assertion, timeOf(nowMs))
    })
  },
})

interface Waiting {
  readonly key: Buffer
  readonly signed: Signed
}

/** What was to be signed, where it lets something be done; of who is gone nothing is. */
async function waitingFor(
  parts: IdentityParts,
  challengeId: string,
  { person_id, kind, operation: sealed }: z.output<typeof Asked>,
): Promise<Waiting | undefined> {
  if (kind === null || sealed === null) return undefined
  const key = await subjectKey(parts, person_id, 'identity')
  if (!Buffer.isBuffer(key)) throw login.refused()
  return { key, signed: openOperation(key, challengeId, { kind, operation: sealed }) }
}

/** One operation is signed once: its hash stands here for ever, so that a second signature allows nothing. What it says of a contract is so from now on. */
async function accept(tx: Tx, { challenge, credentialRef, personId }: ProvenPasskey, { waiting, nowMs }: { waiting: Waiting | undefined; nowMs: number }) {
  if (waiting !== undefined && Date.parse(waiting.signed.operation.expires_at) <= nowMs) throw refuse.expired()
  const verified = { hash: hashOf(challenge), personId, credentialId: credentialRef, at: timeOf(nowMs), signed: waiting?.signed }
  if (!(await keepVerified(tx, verified))) throw refuse.used()
  if (waiting !== undefined) await raiseDelegation(tx, personId, waiting.signed, { key: waiting.key, nowMs })
}

function attestationOf({ publicKey, challenge }: ProvenPasskey, { id, response }: z.output<typeof AuthenticationCredential>, verifiedAt: string) {
  const { authenticatorData, clientDataJSON, signature } = response
  return {
    credentialId: id,
    publicKey: publicKey.toString('base64url'),
    operationHash: hashOf(challenge),
    authenticatorData,
    clientDataJSON,
    signature,
    verifiedAt,
  }
}

function hashOf(challenge: string): string {
  return Buffer.from(challenge, 'base64url').toString('hex')
}
