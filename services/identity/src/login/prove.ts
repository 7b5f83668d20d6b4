import { PersonState } from '@loomworks/contracts'
import { equalSecrets, idOf, timeOf } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, maybe, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import { discardLogin } from '../challenges.ts'
import { login, credential as refusals } from '../errors.ts'
import type { IdentityParts } from '../parts.ts'
import { type Assertion, type AuthenticationCredential, provenAssertion } from '../passkeys.ts'
import { ME_COLUMNS, Me } from '../person/queries.ts'
import { deviceOf, LIVE_PER_PERSON } from '../sessions.ts'
import { CredentialState } from '../vocabulary.ts'

/** Logins of one person that come in at the same moment, at most. */
const AT_ONCE = 20

const Known = Me.extend({
  challenge: z.string(),
  challenge_expires_at: z.string(),
  credential_ref: idOf<'credential'>(),
  public_key: z.instanceof(Buffer),
  user_handle: z.instanceof(Buffer),
  backup_eligible: z.boolean(),
  credential_state: CredentialState.exclude(['removed']),
  person_state: PersonState,
  device_known: z.boolean(),
  crowded: z.boolean(),
})
type Known = z.output<typeof Known>

export interface LoginAnswer {
  readonly challengeId: string
  readonly credential: AuthenticationCredential
  readonly device: string
}

export interface ProvenLogin extends Assertion {
  readonly challengeId: string
  readonly person: Me
  readonly credentialRef: Known['credential_ref']
  readonly deviceKnown: boolean
  /** The person has nearly as many sessions as they may: logins of the same moment have to be counted one after the other, and the oldest
   *  give way. */
  readonly crowded: boolean
}

/** Whose passkey this is, proven. Whatever fails before the proof gives one answer, `login.refused`; what a person may know
 *  about their own account is told after it. What fails has used up its challenge; what holds uses it up when it enters. */
export async function proveLogin(parts: IdentityParts, answer: LoginAnswer): Promise<ProvenLogin> {
  const known = await knownLogin(parts.db, answer, parts.clock.now())
  try {
    return await proven(parts, answer, known)
  } catch (error) {
    await discardLogin(parts.db, answer.challengeId)
    throw error
  }
}

async function proven({ clock, rp }: IdentityParts, { challengeId, credential }: LoginAnswer, known: Known | undefined): Promise<ProvenLogin> {
  if (known === undefined) throw login.refused()
  if (Date.parse(known.challenge_expires_at) <= clock.now()) throw login.challenge_expired()
  if (!isOwners(known, credential.response.userHandle)) throw login.refused()
  const assertion = await provenAssertion(rp, known.challenge, credential, known.public_key)
  if (assertion === undefined || assertion.backupEligible !== known.backup_eligible) throw login.refused()
  if (known.person_state === 'locked') throw shared.account_locked()
  if (known.person_state !== 'active') throw login.refused()
  if (known.credential_state === 'suspect') throw refusals.clone_suspected()
  return { ...assertion, challengeId, person: Me.parse(known), credentialRef: known.credential_ref, deviceKnown: known.device_known, crowded: known.crowded }
}

/** Everything a login is judged by, and what is shown of the person after it, in one read: nothing else is asked before it enters. */
function knownLogin(db: Db, { challengeId, credential, device }: LoginAnswer, nowMs: number): Promise<Known | undefined> {
  const now = timeOf(nowMs)
  return maybe(
    db,
    Known,
    prepared(
      'known_login',
      sql`select ${ME_COLUMNS}, h.challenge, h.expires_at as challenge_expires_at, c.id as credential_ref, c.public_key, p.user_handle, c.backup_eligible,
                 c.state as credential_state, p.state as person_state,
                 exists (select from identity.sessions s where s.person_id = p.id and s.device = ${deviceOf({ device })}) as device_known,
                 exists (select from identity.sessions s
                          where s.person_id = p.id and s.revoked_at is null and s.idle_expires_at > ${now} and s.absolute_expires_at > ${now}
                         offset ${LIVE_PER_PERSON - AT_ONCE}) as crowded
            from identity.challenges h, identity.webauthn_credentials c
            join identity.persons p on p.id = c.person_id
           where h.id = ${challengeId} and h.purpose = 'login'
             and c.credential_id = ${Buffer.from(credential.id, 'base64url')} and c.state <> 'removed'`,
    ),
  )
}

/** The authenticator must name the owner, or a passkey could be passed off as another person's. */
function isOwners({ user_handle }: Known, named: string | null | undefined): boolean {
  return named !== undefined && named !== null && equalSecrets(user_handle.toString('base64url'), named)
}
