import { EmailAddress } from '@loomworks/kernel'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { mail, signup } from '../../errors.ts'
import { CompanionNameText, companionNameOf, DisplayName } from '../../names.ts'
import { openRegistration, REGISTRATIONS_BUSY_RETRY_S } from '../../open-registration.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions } from '../../passkeys.ts'
import { RegistrationId } from '../state.ts'

export const beginSignupRoute = operation({
  post: '/auth/signup/begin',
  id: 'beginSignup',
  summary: 'Begin to sign up',
  authz: { actors: ['anonymous', 'person'], object: 'registration', relation: 'none', hide: false },
  limits: { rate: 'signup_begin' },
  body: z.strictObject({ email: EmailAddress, display_name: DisplayName, companion_name: CompanionNameText.optional() }),
  reply: z.object({ registration_id: RegistrationId, registration_secret: z.string(), expires_at: z.string(), options: CeremonyOptions }),
  refuses: [signup.closed, signup.busy, mail.not_configured, shared.companion_name_invalid, shared.rate_limited, shared.invalid_body],

  async answer({ body }, parts: IdentityParts) {
    if ((await parts.settings.read('signup.mode')) !== 'open') throw signup.closed()
    const companionName = body.companion_name === undefined ? undefined : companionNameOf(body.companion_name)
    if (!parts.sagas.mayStart()) throw signup.busy(undefined, REGISTRATIONS_BUSY_RETRY_S)
    const proof = { by: await parts.settings.read('signup.email_proof') }
    const about = { email: body.email, displayName: body.display_name, ...(companionName !== undefined && { companionName }), proof }
    const { id, secret, expiresAt, options } = await openRegistration(parts, about)
    return new Answered(200, { registration_id: id, registration_secret: secret, expires_at: expiresAt, options }, { cookies: [parts.cookies.signup(secret)] })
  },
})
