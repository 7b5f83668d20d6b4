import { timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { z } from 'zod'
import { askForRegistration } from '../../challenges.ts'
import { signup } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions, creationOptions } from '../../passkeys.ts'
import { lockedRegistrationFor, shownSecret } from '../queries.ts'
import { type Registration, RegistrationId, requireState } from '../state.ts'

const FRESH_OPTIONS_MAX = 5

export const askPasskeyRoute = operation({
  post: '/auth/signup/passkey/options',
  id: 'askSignupPasskey',
  summary: 'Fresh options for the passkey of a signup',
  authz: { actors: ['anonymous', 'person'], object: 'registration', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({ registration_id: RegistrationId }),
  reply: z.object({ options: CeremonyOptions }),
  refuses: [signup.not_found, signup.state, signup.registration_expired, signup.too_many_attempts, shared.invalid_body],

  async answer({ body, ...request }, { db, clock, cookies, rp }: IdentityParts) {
    const nowMs = clock.now()
    const { registration, challenge } = await db.transaction(async (tx) => {
      const registration = await lockedRegistrationFor(tx, body.registration_id, shownSecret(request, cookies.signupName), nowMs)
      requireState(registration, 'begun', nowMs)
      if (registration.options_used >= FRESH_OPTIONS_MAX) throw signup.too_many_attempts()
      await exec(
        tx,
        sql`update identity.pending_registrations set options_used = options_used + 1, updated_at = ${timeOf(nowMs)} where id = ${registration.id}`,
      )
      return { registration, challenge: (await askForRegistration(tx, registration.id, nowMs)).challenge }
    })
    return { options: { ...(await creationOptions(rp, ownerOf(registration), challenge)) } }
  },
})

function ownerOf({ user_handle, email, display_name }: Registration) {
  if (user_handle === null || email === null || display_name === null) throw signup.registration_expired()
  return { userHandle: user_handle, email, displayName: display_name }
}
