// Which writes a repeat would do again, and which it would not: every POST that somebody outside may send takes an Idempotency-Key, or is here with
// the reason why its repeat is harmless (identity page §13.3).
import { expect, test } from 'vitest'
import { identity } from './service.ts'

const HARMLESS: Readonly<Record<string, string>> = {
  // Strangers have no name to keep a reply under.
  beginSignup: 'another registration, which ends by itself',
  askSignupPasskey: 'counted, and the newest challenge counts',
  verifySignupPasskey: 'the challenge is used once',
  renewSignupTotp: 'counted, and the newest secret counts',
  verifySignupTotp: 'attaches to the signup that is open or done',
  beginLogin: 'another challenge',
  finishLogin: 'the challenge is used once',
  recoverLogin: 'code and recovery code are used once',
  logOut: 'what has ended stays ended',
  beginEnrolment: 'another challenge',
  finishEnrolment: 'challenge and code are used once',
  beginStepUp: 'another challenge',
  finishStepUp: 'challenge and code are used once',
  beginAddPasskey: 'another challenge',
  finishAddPasskey: 'the challenge is used once',
  clearPasskey: 'what is in use stays in use',
  beginTotp: 'the newest secret counts',
  verifyTotp: 'the code is used once',
  renewRecoveryCodes: 'the newest set counts, and who asks is told it',
  verifyEmail: 'the code is used once',
  acceptInvitation: 'of one token comes one membership',
  declineInvitation: 'a token is declined once',
  beginClaim: 'attaches to the claim that is open or done',
  revokeOtherSessions: 'what has ended stays ended',
  revokeAllSessions: 'what has ended stays ended',
  endPersonSessions: 'what has ended stays ended',
  lockPerson: 'from active alone',
  unlockPerson: 'from locked alone',
  sponsorAgent: 'who answers for it answers for it',
  actOnSaga: 'names the revision that was looked at',
  reconcileSagas: 'what is mended is mended',
  replaySaga: 'reads alone',
  replaySagas: 'reads alone',
  searchSagasByEmail: 'reads alone',
}

test('every write that a repeat would do again takes an Idempotency-Key', () => {
  const open = identity.operations.filter(({ method, internal, limits }) => method === 'POST' && internal === undefined && limits.idempotency === undefined)
  expect(open.map(({ id }) => id).sort()).toEqual(Object.keys(HARMLESS).sort())
})
