import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { ChallengeId } from '../../challenges.ts'
import { credential, login, totp } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { provenByPasskey } from '../../passkey-proofs.ts'
import { AuthenticationCredential } from '../../passkeys.ts'
import { rotateSession } from '../../rotation.ts'
import { selfOf, sessionOfCaller } from '../../self.ts'
import { sessionAnswer } from '../../session-answer.ts'
import { SessionShown } from '../../sessions.ts'
import { provenByCode, TotpCode } from '../../totp-proof.ts'

const ByPasskey = z.strictObject({ challenge_id: ChallengeId, credential: AuthenticationCredential })
const ByCode = z.strictObject({ totp_code: TotpCode })

export const finishStepUpRoute = operation({
  post: '/auth/step-up/finish',
  id: 'finishStepUp',
  summary: 'Prove that it is me, by passkey or by code',
  authz: { actors: ['person'], object: 'session', relation: 'self', hide: false },
  limits: { rate: 'auth' },
  body: z.union([ByPasskey, ByCode]),
  reply: z.object({ session: SessionShown }),
  refuses: [
    login.refused,
    login.challenge_expired,
    credential.clone_suspected,
    totp.invalid,
    totp.throttled,
    shared.rate_limited,
    shared.token_refused,
    shared.invalid_body,
  ],

  /** The session goes on under a new token. */
  async answer({ body, caller, token }, parts: IdentityParts) {
    const personId = selfOf(caller)
    const sessionId = sessionOfCaller(token)
    const nowMs = parts.clock.now()
    const { session, delivery } =
      'totp_code' in body
        ? await provenByCode(parts, { personId, code: body.totp_code, caller }, (tx) =>
            rotateSession(tx, sessionId, { nowMs, proof: { level: 'any', method: 'totp' } }),
          )
        : await provenByPasskey(parts, { purpose: 'step_up', personId, sessionId, challengeId: body.challenge_id, credential: body.credential, caller }, (tx) =>
            rotateSession(tx, sessionId, { nowMs, proof: { level: 'passkey', method: 'passkey' } }),
          )
    return sessionAnswer(parts.cookies, { session, delivery, body: {} })
  },
})
