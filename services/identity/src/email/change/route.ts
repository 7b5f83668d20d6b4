import { EmailAddress, timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { EMAIL_CODE_LIFE_MS, mailCode } from '../../email-codes.ts'
import { mail } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'

export const changeEmailRoute = operation({
  post: '/me/email',
  id: 'changeEmail',
  summary: 'Have a code mailed to the address I want to have',
  authz: { actors: ['person'], scope: 'account.security', object: 'person', relation: 'self', stepUp: 'any', hide: false },
  limits: { rate: 'auth', idempotency: 'optional' },
  body: z.strictObject({ email: EmailAddress }),
  reply: z.object({ expires_at: z.string() }),
  status: 202,
  refuses: [mail.not_configured, shared.rate_limited, shared.invalid_body],

  /** Says nothing about whether somebody has the address. */
  async answer({ body, caller, once }, parts: IdentityParts) {
    const personId = selfOf(caller)
    return once(parts.db, async (tx) => {
      await mailCode(tx, parts, { personId }, body.email)
      return { expires_at: timeOf(parts.clock.now() + EMAIL_CODE_LIFE_MS) }
    })
  },
})
