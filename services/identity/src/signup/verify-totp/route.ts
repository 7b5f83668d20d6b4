import { claim } from '@loomworks/contracts'
import { actorFromPerson, type Caller, type Refusal } from '@loomworks/kernel'
import type { SagaView } from '@loomworks/sagas'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { EmailCode } from '../../email-codes.ts'
import { emailCode, refusalOfCode, saga, signup, totp } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { Me, meOf } from '../../person/queries.ts'
import { sessionAnswer } from '../../session-answer.ts'
import { SessionShown } from '../../sessions.ts'
import { settled } from '../../settled.ts'
import { SessionDelivery } from '../../vocabulary.ts'
import { reopenRegistration } from '../ending.ts'
import { shownSecret } from '../queries.ts'
import { personOfSaga, signupSaga } from '../saga.ts'
import { RegistrationId } from '../state.ts'
import { openSignupSession, type SignupSession } from './open-session.ts'
import { type Submitted, submit } from './submit.ts'

const WAIT_MS = 2000
const CLAIM_TOKEN_MAX = 200
const RETRY_AFTER_S = 1

const SignedUp = z.object({ person: Me, session: SessionShown, personal_engagement_id: z.string() })
const Pending = z.object({ registration_id: RegistrationId, status_url: z.string(), events_url: z.string(), state: z.literal('pending') })

export const verifyTotpRoute = operation({
  post: '/auth/signup/totp-verify',
  id: 'verifySignupTotp',
  summary: 'Show the code of the authenticator; become a person',
  authz: { actors: ['anonymous', 'person'], object: 'registration', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({
    registration_id: RegistrationId,
    code: z.string().regex(/^[0-9]{6}$/),
    claim_token: z.string().min(1).max(CLAIM_TOKEN_MAX).optional(),
    email_code: EmailCode.optional(),
    session_delivery: SessionDelivery.default('cookie'),
  }),
  reply: SignedUp,
  also: { 202: Pending },
  refuses: [
    ...Object.values(signup),
    ...Object.values(claim),
    totp.invalid,
    emailCode.invalid,
    saga.step_error,
    saga.cancelled,
    shared.account_locked,
    shared.rate_limited,
    shared.invalid_body,
  ],

  async answer({ body, caller, clientIp, cookies, header, signal }, parts: IdentityParts) {
    const { registration_id: registrationId, code, claim_token: claimToken, email_code: mailed, session_delivery: delivery } = body
    const secret = shownSecret({ cookies, header }, parts.cookies.signupName)
    const submitted = await submit(parts, { registrationId, secret, code, claimToken, emailCode: mailed, clientIp, busy: !parts.sagas.mayStart() })
    if (submitted.next === 'wrong_code') throw totp.invalid({ attemptsLeft: submitted.attemptsLeft })
    if (submitted.next === 'wrong_email_code') throw emailCode.invalid({ attemptsLeft: submitted.attemptsLeft })
    if (submitted.next === 'closed') throw signup.closed()
    const { sagaId } = submitted
    if (submitted.next === 'started') await begin(parts, submitted, caller)
    const saga = submitted.next === 'session_again' ? undefined : await settled(parts.sagas, sagaId, { waitMs: WAIT_MS, signal })
    if (submitted.next === 'session_again' || saga?.state === 'completed')
      return signedUp(parts, { sagaId, delivery, caller, clientIp, device: header('user-agent') ?? '' })
    if (saga?.state === 'aborted') throw await undone(parts, saga)
    return pending(registrationId)
  },
})

/** A saga that cannot begin now is begun by the host: the submission is noted. */
async function begin({ sagas, log }: IdentityParts, { sagaId, input }: Extract<Submitted, { next: 'started' }>, caller: Caller): Promise<void> {
  const { correlationId, traceparent } = caller
  await sagas
    .start(signupSaga, input, { sagaId, actor: actorFromPerson(personOfSaga(sagaId)), correlationId, traceparent })
    .catch((error: unknown) => log.warn({ sagaId, err: error }, 'a signup begins later'))
}

async function signedUp(parts: IdentityParts, asked: SignupSession): Promise<Answered> {
  const session = await openSignupSession(parts, asked)
  const person = await meOf(parts.db, personOfSaga(asked.sagaId))
  if (person === undefined) throw signup.done_log_in()
  const body = { person, personal_engagement_id: person.personal_engagement_id }
  return sessionAnswer(parts.cookies, { session, delivery: asked.delivery, body, cookies: [parts.cookies.clearSignup()] })
}

/** Told only when the registration stands open again, so that a retry at once finds it so. */
async function undone({ db, clock }: IdentityParts, { id, code = saga.step_error.code }: SagaView): Promise<Refusal> {
  await db.transaction((tx) => reopenRegistration(tx, id, code, clock.now()))
  return refusalOfCode(code, code === signup.timed_out.code ? RETRY_AFTER_S : undefined)
}

function pending(registrationId: RegistrationId): Answered {
  const status = `/auth/signup/${registrationId}`
  return new Answered(
    202,
    { registration_id: registrationId, status_url: status, events_url: `${status}/events`, state: 'pending' },
    { headers: { location: status, 'retry-after': String(RETRY_AFTER_S) } },
  )
}
