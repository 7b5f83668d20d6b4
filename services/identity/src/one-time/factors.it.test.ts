import { somebody } from '../belonging-story.ts'
import { codeOf, type SignedUp } from '../signing-up.ts'
import { raced, racing, type Use } from './racing.ts'

/** CI asks for a thousand. */
const ROUNDS = Number(process.env.ROUNDS ?? 10)
const TWO_STEPS_MS = 60_000
const FORGIVEN_AFTER_MS = 900_000

const there = racing()

async function codeOfTheApp(): Promise<Use> {
  const { bench, clock, ada, as, session } = there()
  clock.advance(TWO_STEPS_MS)
  const asked = { ...(await as(await session())), body: { totp_code: codeOf(ada.totpSecret, clock.now()) } }
  return () => bench.ask('POST', '/auth/step-up/finish', asked)
}

function recoveryCodes(): () => Promise<Use> {
  let left: string[] = []
  let bob: SignedUp
  return async () => {
    const { bench, clock } = there()
    if (left.length === 0) {
      bob = await somebody(bench, 'Bob')
      left = [...bob.recoveryCodes]
    }
    clock.advance(FORGIVEN_AFTER_MS)
    const body = { email: bob.answer.body.person.email, totp_code: codeOf(bob.totpSecret, clock.now()), recovery_code: left.pop() }
    // Each from a network of its own: who waits does so because the person's code was tried too often.
    return (n) => bench.ask('POST', '/auth/login/recovery', { body, headers: { 'x-client-ip': `198.51.${n}.1` } })
  }
}

async function challengeOfLogin(): Promise<Use> {
  const { bench, clock, ada } = there()
  const { body } = await bench.ask('POST', '/auth/login/passkey/begin', { body: {} })
  const proof = { challenge_id: body.challenge_id, credential: ada.authenticator.authenticate(body.options) }
  clock.advance(1)
  return () => bench.ask('POST', '/auth/login/passkey/finish', { body: proof })
}

async function challengeOfStepUp(): Promise<Use> {
  const { bench, clock, ada, as, session } = there()
  clock.advance(FORGIVEN_AFTER_MS)
  const token = await session()
  const { body } = await bench.ask('POST', '/auth/step-up/begin', { session: token, body: { level: 'passkey' } })
  const proof = { challenge_id: body.challenge_id, credential: ada.authenticator.authenticate(body.options) }
  const asked = { ...(await as(token)), body: proof }
  return () => bench.ask('POST', '/auth/step-up/finish', asked)
}

let operations = 0
async function challengeOfOperation(): Promise<Use> {
  const { bench, clock, ada } = there()
  clock.advance(FORGIVEN_AFTER_MS)
  const asked = { personId: ada.personId, operation: { kind: 'delegation', id: `d${++operations}` } }
  const { body } = await bench.internal('companion', 'POST', '/internal/assertions:begin', asked)
  const shown = { challengeId: body.challengeId, assertion: ada.authenticator.authenticate(body.options) }
  return () => bench.internal('companion', 'POST', '/internal/assertions:verify', shown)
}

raced(ROUNDS, [
  ['a code of the authenticator app', codeOfTheApp, ['totp.invalid', 'totp.throttled']],
  ['a recovery code', recoveryCodes(), ['login.refused', 'recovery.throttled']],
  ['a challenge for a log-in', challengeOfLogin, ['login.refused']],
  ['a challenge for a step-up', challengeOfStepUp, ['login.refused', 'rate_limited']],
  ['a challenge for one operation', challengeOfOperation, ['login.refused', 'rate_limited']],
])
