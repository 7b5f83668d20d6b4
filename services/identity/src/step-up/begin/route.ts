import { AuthMethod } from '@loomworks/contracts'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { askForPerson, ChallengeId } from '../../challenges.ts'
import { namedPasskeys } from '../../credential/queries.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions, requestOptions } from '../../passkeys.ts'
import { selfOf, sessionOfCaller } from '../../self.ts'
import { StepUpLevel } from '../../vocabulary.ts'

const ACCEPTED = { passkey: ['passkey'], any: ['passkey', 'totp'] } as const

export const beginStepUpRoute = operation({
  post: '/auth/step-up/begin',
  id: 'beginStepUp',
  summary: 'Ask for a fresh proof that it is me',
  authz: { actors: ['person'], object: 'session', relation: 'self', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({ level: StepUpLevel }),
  reply: z.object({ challenge_id: ChallengeId, options: CeremonyOptions, accepts: z.array(AuthMethod) }),
  refuses: [shared.invalid_body],

  /** Names the person's own passkeys: who asks is known. */
  async answer({ body, caller, token }, { db, clock, rp }: IdentityParts) {
    const personId = selfOf(caller)
    const allowed = await namedPasskeys(db, personId, ['active'])
    const { id, challenge } = await askForPerson(db, { purpose: 'step_up', personId, sessionId: sessionOfCaller(token) }, clock.now())
    return { challenge_id: id, options: { ...(await requestOptions(rp, challenge, allowed)) }, accepts: [...ACCEPTED[body.level]] }
  },
})
