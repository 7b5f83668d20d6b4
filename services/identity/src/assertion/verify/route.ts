import { actorFromPerson, idOf, type PersonId, timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { ChallengeId } from '../../challenges.ts'
import { credential, login, assertion as refuse } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { type ProvenPasskey, provenByPasskey } from '../../passkey-proofs.ts'
import { AuthenticationCredential } from '../../passkeys.ts'

const Asked = z.object({ person_id: idOf<'person'>() })

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
    shared.rate_limited,
    shared.actor_refused,
    shared.internal_token_invalid,
    shared.invalid_body,
  ],

  async answer({ body, caller }, parts: IdentityParts) {
    const asked = await maybe(parts.db, Asked, sql`select person_id from identity.challenges where id = ${body.challengeId} and purpose = 'operation'`)
    if (asked === undefined) throw login.refused()
    const personId = asked.person_id
    const shown = {
      purpose: 'operation',
      personId,
      challengeId: body.challengeId,
      credential: body.assertion,
      caller: { ...caller, actor: actorFromPerson(personId) },
    } as const
    return provenByPasskey(parts, shown, async (tx, proven) => {
      const at = timeOf(parts.clock.now())
      await kept(tx, proven, personId, at)
      return attestationOf(proven, body.assertion, at)
    })
  },
})

/** One operation is signed once: its hash stands here for ever, so that a second signature allows nothing. */
async function kept(tx: Parameters<typeof exec>[0], { challenge, credentialRef }: ProvenPasskey, personId: PersonId, at: string): Promise<void> {
  const written = await exec(
    tx,
    sql`insert into identity.verified_operations (hash, person_id, credential_id, at)
        values (${hashOf(challenge)}, ${personId}, ${credentialRef}, ${at})
        on conflict (hash) do nothing`,
  )
  if (written === 0) throw refuse.used()
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
