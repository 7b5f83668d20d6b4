import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { signup } from '../../errors.ts'
import { CompanionNameText, companionNameOf, DisplayName } from '../../names.ts'
import { openRegistration, REGISTRATIONS_BUSY_RETRY_S } from '../../open-registration.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions } from '../../passkeys.ts'

const Wanted = z.strictObject({ grantId: idOf<'grant'>(), email: z.string(), displayName: DisplayName, companionName: CompanionNameText.optional() })

export const openRegistrationRoute = operation({
  post: '/internal/registrations',
  id: 'openRegistration',
  summary: 'Begin a signup for the address that a grant was given to',
  internal: { auth: 'token', callers: ['credit'] },
  body: Wanted,
  /** `cookie` is what the browser is to keep: the registration's secret. */
  reply: z.object({ registrationId: z.string(), registrationSecret: z.string(), expiresAt: z.string(), options: CeremonyOptions, cookie: z.string() }),
  refuses: [signup.closed, signup.busy, shared.companion_name_invalid, shared.actor_refused, shared.internal_token_invalid, shared.invalid_body],

  /** A claim token in hand opens the door also where a deployment lets in nobody else. */
  async answer({ body }, parts: IdentityParts) {
    if ((await parts.settings.read('signup.mode')) === 'closed') throw signup.closed()
    if (!parts.sagas.mayStart()) throw signup.busy(undefined, REGISTRATIONS_BUSY_RETRY_S)
    const about = {
      email: body.email,
      displayName: body.displayName,
      ...(body.companionName !== undefined && { companionName: companionNameOf(body.companionName) }),
      proof: { by: 'claim', grantId: body.grantId } as const,
    }
    const { id, secret, expiresAt, options } = await openRegistration(parts, about)
    return { registrationId: id, registrationSecret: secret, expiresAt, options, cookie: parts.cookies.signup(secret) }
  },
})
