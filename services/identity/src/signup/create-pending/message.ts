// First step of identity: out of the registration comes a person nobody can see yet. The unique address covers pending persons,
// so of parallel signups of one address exactly one gets past this step.
import { createPendingPerson } from '@loomworks/contracts'
import { emailHashes, emailLookup, newId, type PersonId, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { type Db, exec, one, prepared, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { signup } from '../../errors.ts'
import type { Keyring } from '../../keyring.ts'
import type { IdentityParts } from '../../parts.ts'
import { totpBinding } from '../../sealings.ts'
import { countTry } from '../../throttles.ts'
import { registrationById } from '../queries.ts'
import type { Registration } from '../state.ts'

const TAKEN_TOLD_MAX = 5
const TAKEN_WINDOW_MS = 3_600_000

export const createPendingStep = sagaStep<typeof createPendingPerson, IdentityParts, Tx>(createPendingPerson, {
  async do(tx, { registrationId, personId }, { sagaId, clock, parts }) {
    const registration = complete(await registrationById(tx, registrationId), sagaId)
    const nowMs = clock.now()
    const made = await insertPerson(tx, {
      personId,
      registration,
      totp: sealedForPerson(parts.keyring, personId, registration),
      keyId: parts.keyring.keyId,
      nowMs,
    })
    if (!made.person) throw signup.email_taken()
    if (!made.passkey) throw signup.credential_taken()
    return { credentialCount: 1 }
  },

  /** Deletes exactly what the do made, while nobody else can have seen it. */
  async undo(tx, { personId }) {
    await exec(tx, sql`delete from identity.recovery_codes where person_id = ${personId}`)
    await exec(tx, sql`delete from identity.totp_factors where person_id = ${personId}`)
    await exec(tx, sql`delete from identity.webauthn_credentials where person_id = ${personId}`)
    await exec(tx, sql`delete from identity.persons where id = ${personId} and state = 'pending'`)
    return 'reversed'
  },

  /** That an address is taken is told five times an hour; then the answer says nothing about it. */
  async failed(tx, code, { registrationId }, { clock, parts }) {
    if (code !== signup.email_taken.code) return code
    const registration = await registrationById(tx, registrationId)
    const keyHash = emailHashes(parts.pepper, registration?.email ?? '').emailHash
    const told = await countTry(tx, { kind: 'registration', keyHash, most: TAKEN_TOLD_MAX, windowMs: TAKEN_WINDOW_MS }, clock.now())
    return told ? code : signup.too_many_attempts.code
  },
})

type Complete = { readonly [K in keyof Registration]: NonNullable<Registration[K]> | (K extends Optional ? Registration[K] : never) }
type Optional = (typeof OPTIONAL)[number]
const OPTIONAL = ['saga_input', 'network_hash', 'email_proven_at', 'completed_at', 'session_id'] as const

/** The registration with everything a person is made of; refuses `signup.registration_expired` where it was cleared. */
function complete(registration: Registration | undefined, sagaId: string): Complete {
  if (registration === undefined || registration.saga_id !== sagaId || !isComplete(registration)) throw signup.registration_expired()
  return registration
}

function isComplete(registration: Registration): registration is Registration & Complete {
  return Object.entries(registration).every(([name, value]) => value !== null || OPTIONAL.some((each) => each === name))
}

/** The secret is sealed anew, bound to the person. */
function sealedForPerson(keyring: Keyring, personId: PersonId, { id, totp_sealed }: Complete): Buffer {
  return keyring.seal('totp', keyring.open('totp', totp_sealed, totpBinding('registration', id)), totpBinding('person', personId))
}

interface Making {
  readonly personId: PersonId
  readonly registration: Complete
  readonly totp: Buffer
  readonly keyId: string
  readonly nowMs: number
}

const Made = z.object({ person: z.boolean(), passkey: z.boolean() })

/** Person, passkey, factor and codes in one statement. What is taken gives no row, and then nothing behind it is written. The step
 *  of the code just used stays used, so that code opens nothing else. */
function insertPerson(tx: Db, { personId, registration, totp, keyId, nowMs }: Making): Promise<z.output<typeof Made>> {
  const { user_handle, email, email_proven_at, display_name, companion_name, credential, totp_step, recovery_key_id, set_id, recovery_digests } = registration
  return one(
    tx,
    Made,
    prepared(
      'create_pending',
      sql`with person as (
            insert into identity.persons (id, user_handle, email, email_lookup, email_verified_at, display_name, signup_display_name, companion_name, state, created_at)
            values (${personId}, ${user_handle}, ${email}, ${emailLookup(email)}, ${email_proven_at}, ${display_name}, ${display_name}, ${companion_name}, 'pending',
                    ${timeOf(nowMs)})
            on conflict do nothing
            returning id
          ), passkey as (
            insert into identity.webauthn_credentials (id, person_id, credential_id, public_key, alg, sign_count, transports, aaguid, backup_eligible,
                                                       backup_state, display_name, state, created_at)
            select ${newId(nowMs)}, id, ${Buffer.from(credential.credentialId, 'base64url')}, ${Buffer.from(credential.publicKey, 'base64url')},
                   ${credential.alg}, ${credential.signCount}, ${JSON.stringify(credential.transports)}, ${credential.aaguid}, ${credential.backupEligible},
                   ${credential.backupState}, ${credential.name}, 'active', ${timeOf(nowMs)}
              from person
            on conflict (credential_id) do nothing
            returning person_id
          ), factor as (
            insert into identity.totp_factors (person_id, secret_sealed, key_id, last_step)
            select person_id, ${totp}, ${keyId}, ${totp_step} from passkey
          ), codes as (
            insert into identity.recovery_codes (person_id, digest, key_id, set_id)
            select person_id, digest, ${recovery_key_id}, ${set_id} from passkey, unnest(${[...recovery_digests]}::text[]) as digest
          )
          select exists (select from person) as person, exists (select from passkey) as passkey`,
    ),
  )
}
