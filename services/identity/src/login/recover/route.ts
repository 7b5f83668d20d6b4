import { EmailAddress } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { login, recovery } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { Me, meOf } from '../../person/queries.ts'
import { sessionAnswer } from '../../session-answer.ts'
import { SessionShown } from '../../sessions.ts'
import { TotpCode } from '../../totp-proof.ts'
import { SessionDelivery } from '../../vocabulary.ts'
import { enterRecovering } from './enter.ts'
import { proveRecovery } from './prove.ts'

const CODE_MAX = 100

export const recoverLoginRoute = operation({
  post: '/auth/login/recovery',
  id: 'recoverLogin',
  summary: 'Log in with the authenticator app and a recovery code, to make a new passkey',
  authz: { actors: ['anonymous', 'person'], object: 'session', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({
    email: EmailAddress,
    totp_code: TotpCode,
    recovery_code: z.string().min(1).max(CODE_MAX),
    session_delivery: SessionDelivery.default('cookie'),
  }),
  reply: z.object({ person: Me, session: SessionShown }),
  refuses: [login.refused, recovery.throttled, shared.account_locked, shared.invalid_body],

  async answer({ body, caller, clientIp, header }, parts: IdentityParts) {
    const { email, totp_code: totpCode, recovery_code: recoveryCode, session_delivery: delivery } = body
    const proven = await proveRecovery(parts, { email, totpCode, recoveryCode, clientIp, caller })
    const session = await enterRecovering(parts, proven, { delivery, caller, clientIp, device: header('user-agent') ?? '' })
    const person = await meOf(parts.db, proven.personId)
    if (person === undefined) throw login.refused()
    return sessionAnswer(parts.cookies, { session, delivery, body: { person } })
  },
})
