import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { ChallengeId } from '../../challenges.ts'
import { credential, login } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { AuthenticationCredential } from '../../passkeys.ts'
import { Me } from '../../person/queries.ts'
import { sessionAnswer } from '../../session-answer.ts'
import { SessionShown } from '../../sessions.ts'
import { SessionDelivery } from '../../vocabulary.ts'
import { enter } from '../enter.ts'
import { proveLogin } from '../prove.ts'

export const finishLoginRoute = operation({
  post: '/auth/login/passkey/finish',
  id: 'finishLogin',
  summary: 'Log in with a passkey',
  authz: { actors: ['anonymous', 'person'], object: 'session', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({ challenge_id: ChallengeId, credential: AuthenticationCredential, session_delivery: SessionDelivery.default('cookie') }),
  reply: z.object({ person: Me, session: SessionShown }),
  refuses: [login.refused, login.challenge_expired, credential.clone_suspected, shared.account_locked, shared.invalid_body],

  async answer({ body, caller, clientIp, header }, parts: IdentityParts) {
    const device = header('user-agent') ?? ''
    const proven = await proveLogin(parts, { challengeId: body.challenge_id, credential: body.credential, device })
    const session = await enter(parts, proven, { delivery: body.session_delivery, caller, clientIp, device })
    return sessionAnswer(parts.cookies, { session, delivery: body.session_delivery, body: { person: proven.person } })
  },
})
