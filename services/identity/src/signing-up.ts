// The story of a signup as a client lives it, for tests that need a person or stop on the way to one.
import { SoftwareAuthenticator } from '@loomworks/testing'
import type { Answer, Asking } from './identity-bench.ts'
import { ORIGIN } from './identity-bench.ts'
import { stepAt, totpCode } from './totp.ts'

export interface Begun {
  readonly id: string
  readonly secret: string
  readonly authenticator: SoftwareAuthenticator
  /** The answer to begin. */
  readonly answer: Answer
  /** Headers that prove the registration is ours. */
  readonly headers: Readonly<Record<string, string>>
}

export interface WithFactors extends Begun {
  readonly totpSecret: string
  readonly recoveryCodes: readonly string[]
}

export interface Signer {
  readonly email: string
  readonly displayName?: string
  readonly authenticator?: SoftwareAuthenticator
}

export async function begun(bench: Asking, { email, displayName = 'Ada', authenticator }: Signer): Promise<Begun> {
  const answer = await bench.ask('POST', '/auth/signup/begin', { body: { email, display_name: displayName } })
  const { registration_id: id, registration_secret: secret } = answer.body
  const headers = { 'x-client-authorization': `Signup ${secret}` }
  return { id, secret, headers, answer, authenticator: authenticator ?? new SoftwareAuthenticator({ origin: ORIGIN }) }
}

export async function withFactors(bench: Asking, signer: Signer): Promise<WithFactors> {
  const start = await begun(bench, signer)
  const credential = start.authenticator.register(start.answer.body.options)
  const { body } = await bench.ask('POST', '/auth/signup/passkey', { body: { registration_id: start.id, credential }, headers: start.headers })
  return { ...start, totpSecret: body.totp.secret, recoveryCodes: body.recovery_codes }
}

/** The code an authenticator app shows for a secret now, or so many steps later. */
export function codeOf(base32Secret: string, nowMs: number = Date.now(), stepsLater = 0): string {
  return totpCode(bytesOf(base32Secret), stepAt(nowMs) + stepsLater)
}

function bytesOf(base32Secret: string): Buffer {
  const bits = [...base32Secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

export interface Verifying {
  readonly code?: string
  readonly claim_token?: string
  readonly session_delivery?: 'cookie' | 'bearer'
}

export function verified(bench: Asking, { id, headers, totpSecret }: WithFactors, more: Verifying = {}): Promise<Answer> {
  const body = { registration_id: id, code: codeOf(totpSecret, bench.platform.clock.now()), session_delivery: 'bearer', ...more }
  return bench.ask('POST', '/auth/signup/totp-verify', { body, headers })
}

export interface SignedUp extends WithFactors {
  readonly personId: string
  readonly session: string
  readonly answer: Answer
}

const ASKED_MOST = 5

/** A person who has signed up and holds a session. */
export async function signedUp(bench: Asking, signer: Signer): Promise<SignedUp> {
  const ready = await withFactors(bench, signer)
  let answer = await verified(bench, ready)
  // A machine that others use may be slower than the answer waits: a repeat asks for the same signup.
  for (let turn = 1; answer.status === 202 && turn < ASKED_MOST; turn++) answer = await verified(bench, ready)
  if (answer.status !== 200) throw new Error(`no signup: ${answer.status} ${JSON.stringify(answer.body)}`)
  return { ...ready, personId: answer.body.person.id, session: answer.body.session.token, answer }
}

export async function loggedIn(
  bench: Asking,
  authenticator: SoftwareAuthenticator,
  lies: Parameters<SoftwareAuthenticator['authenticate']>[1] = {},
): Promise<Answer> {
  const { body } = await bench.ask('POST', '/auth/login/passkey/begin', { body: {} })
  const credential = authenticator.authenticate(body.options, lies)
  return bench.ask('POST', '/auth/login/passkey/finish', { body: { challenge_id: body.challenge_id, credential, session_delivery: 'bearer' } })
}

/** The session after a fresh proof by passkey, under its new token. */
export async function steppedUp(
  bench: Asking,
  { session, authenticator }: Pick<SignedUp, 'session' | 'authenticator'>,
): Promise<{ readonly id: string; readonly token: string }> {
  const { body } = await bench.ask('POST', '/auth/step-up/begin', { session, body: { level: 'passkey' } })
  const proof = { challenge_id: body.challenge_id, credential: authenticator.authenticate(body.options) }
  const answer = await bench.ask('POST', '/auth/step-up/finish', { session, body: proof })
  if (answer.status !== 200) throw new Error(`no step-up: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body.session
}
