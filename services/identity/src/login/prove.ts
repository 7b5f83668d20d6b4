import { PersonState } from '@loomworks/contracts'
import { equalSecrets, idOf, type PersonId } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, maybe, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import { consumeLogin } from '../challenges.ts'
import { login, credential as refusals } from '../errors.ts'
import type { IdentityParts } from '../parts.ts'
import { type Assertion, type AuthenticationCredential, provenAssertion } from '../passkeys.ts'
import { CredentialState } from '../vocabulary.ts'

const KnownCredential = z.object({
  id: idOf<'credential'>(),
  person_id: idOf<'person'>(),
  public_key: z.instanceof(Buffer),
  user_handle: z.instanceof(Buffer),
  backup_eligible: z.boolean(),
  state: CredentialState.exclude(['removed']),
  person_state: PersonState,
})
type KnownCredential = z.output<typeof KnownCredential>

export interface ProvenLogin extends Assertion {
  readonly personId: PersonId
  readonly credentialRef: z.output<typeof KnownCredential>['id']
}

/** Whose passkey this is, proven. Whatever fails before the proof gives one answer, `login.refused`; what a person may know
 *  about their own account is told after it. */
export async function proveLogin(parts: IdentityParts, challengeId: string, credential: AuthenticationCredential): Promise<ProvenLogin> {
  const { db, clock, rp } = parts
  const challenge = await consumeLogin(db, challengeId, clock.now())
  if (challenge === 'none') throw login.refused()
  if (challenge === 'expired') throw login.challenge_expired()
  const known = await knownCredential(db, credential.id)
  if (known === undefined || !isOwners(known, credential.response.userHandle)) throw login.refused()
  const assertion = await provenAssertion(rp, challenge, credential, known.public_key)
  if (assertion === undefined || assertion.backupEligible !== known.backup_eligible) throw login.refused()
  if (known.person_state === 'locked') throw shared.account_locked()
  if (known.person_state !== 'active') throw login.refused()
  if (known.state === 'suspect') throw refusals.clone_suspected()
  return { ...assertion, personId: known.person_id, credentialRef: known.id }
}

function knownCredential(db: Db, credentialId: string): Promise<KnownCredential | undefined> {
  return maybe(
    db,
    KnownCredential,
    prepared(
      'known_credential',
      sql`select c.id, c.person_id, c.public_key, p.user_handle, c.backup_eligible, c.state, p.state as person_state
            from identity.webauthn_credentials c
            join identity.persons p on p.id = c.person_id
           where c.credential_id = ${Buffer.from(credentialId, 'base64url')} and c.state <> 'removed'`,
    ),
  )
}

/** The authenticator must name the owner, or a passkey could be passed off as another person's. */
function isOwners({ user_handle }: KnownCredential, named: string | null | undefined): boolean {
  return named !== undefined && named !== null && equalSecrets(user_handle.toString('base64url'), named)
}
