import { timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { z } from 'zod'
import { signup } from '../../errors.ts'
import { FactorsShown, newFactors } from '../../factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { totpBinding } from '../../sealings.ts'
import { lockedRegistrationFor, shownSecret } from '../queries.ts'
import { RegistrationId, requireState } from '../state.ts'

const RENEWALS_MAX = 3

export const renewTotpRoute = operation({
  post: '/auth/signup/totp/renew',
  id: 'renewSignupTotp',
  summary: 'New second factors where the answer that showed them was lost',
  authz: { actors: ['anonymous', 'person'], object: 'registration', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({ registration_id: RegistrationId }),
  reply: FactorsShown,
  refuses: [signup.not_found, signup.state, signup.registration_expired, signup.too_many_attempts, shared.invalid_body],

  /** The factors shown before are void: nobody can say who has seen them. */
  async answer({ body, ...request }, { db, clock, cookies, rp, keyring }: IdentityParts) {
    const nowMs = clock.now()
    return db.transaction(async (tx) => {
      const registration = await lockedRegistrationFor(tx, body.registration_id, shownSecret(request, cookies.signupName), nowMs)
      requireState(registration, 'passkey_verified', nowMs)
      if (registration.renewals >= RENEWALS_MAX) throw signup.too_many_attempts()
      const factors = newFactors(keyring, totpBinding('registration', registration.id), { issuer: rp.name, account: registration.email ?? '' })
      await exec(
        tx,
        sql`update identity.pending_registrations
               set renewals = renewals + 1, totp_sealed = ${factors.totpSealed}, totp_key_id = ${factors.keyId},
                   recovery_digests = ${[...factors.recoveryDigests]}, recovery_key_id = ${factors.keyId}, set_id = ${factors.setId},
                   updated_at = ${timeOf(nowMs)}
             where id = ${registration.id}`,
      )
      return { ...factors.shown, expires_at: registration.expires_at }
    })
  },
})
