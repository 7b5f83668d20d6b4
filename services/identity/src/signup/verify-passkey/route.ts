import { timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { type Db, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { consumeRegistration } from '../../challenges.ts'
import { passkey as refusals, signup } from '../../errors.ts'
import { type Factors, FactorsShown, newFactors } from '../../factors.ts'
import { CredentialName } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { type NewPasskey, provenRegistration, RegistrationCredential } from '../../passkeys.ts'
import { totpBinding } from '../../sealings.ts'
import { registrationFor, shownSecret } from '../queries.ts'
import { type Registration, RegistrationId, requireState } from '../state.ts'

const KnownRow = z.object({ known: z.boolean() })

const DEFAULT_CREDENTIAL_NAME = 'Passkey'

export const verifyPasskeyRoute = operation({
  post: '/auth/signup/passkey',
  id: 'verifySignupPasskey',
  summary: 'Show the passkey of a signup; get the second factors',
  authz: { actors: ['anonymous', 'person'], object: 'registration', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({ registration_id: RegistrationId, credential: RegistrationCredential, credential_name: CredentialName.optional() }),
  reply: FactorsShown,
  refuses: [refusals.rejected, signup.not_found, signup.state, signup.credential_taken, signup.registration_expired, shared.invalid_body],

  async answer({ body, ...request }, parts: IdentityParts) {
    const { db, clock, cookies, rp, keyring } = parts
    const nowMs = clock.now()
    const registration = await registrationFor(db, body.registration_id, shownSecret(request, cookies.signupName), nowMs)
    requireState(registration, 'begun', nowMs)
    const challenge = await consumeRegistration(db, registration.id, nowMs)
    const proven = challenge === undefined ? undefined : await provenRegistration(rp, challenge, body.credential)
    if (proven === undefined) throw refusals.rejected()
    if (await isKnown(db, proven.credentialId)) throw signup.credential_taken()
    const factors = newFactors(keyring, totpBinding('registration', registration.id), { issuer: rp.name, account: registration.email ?? '' })
    await keep(db, registration, { passkey: proven, name: body.credential_name ?? DEFAULT_CREDENTIAL_NAME, factors, nowMs })
    return { ...factors.shown, expires_at: registration.expires_at }
  },
})

async function isKnown(db: Db, credentialId: string): Promise<boolean> {
  const { known } = await one(
    db,
    KnownRow,
    sql`select exists (select from identity.webauthn_credentials where credential_id = ${Buffer.from(credentialId, 'base64url')}) as known`,
  )
  return known
}

interface Kept {
  readonly passkey: NewPasskey
  readonly name: string
  readonly factors: Factors
  readonly nowMs: number
}

/** The challenge was used up by whoever came first, so at most one call arrives here; the state says so once more. */
async function keep(db: Db, { id }: Registration, { passkey, name, factors, nowMs }: Kept): Promise<void> {
  const kept = await exec(
    db,
    sql`update identity.pending_registrations
           set state = 'passkey_verified', credential = ${JSON.stringify({ ...passkey, name })}, totp_sealed = ${factors.totpSealed},
               totp_key_id = ${factors.keyId}, recovery_digests = ${[...factors.recoveryDigests]}, recovery_key_id = ${factors.keyId},
               set_id = ${factors.setId}, updated_at = ${timeOf(nowMs)}
         where id = ${id} and state = 'begun'`,
  )
  if (kept === 0) throw signup.state({ state: 'passkey_verified' })
}
