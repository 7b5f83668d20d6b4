// A person at the gateway, with a software authenticator and an authenticator app: signs up, logs in, and asks.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { SoftwareAuthenticator } from './authenticator.ts'
import { codeShown } from './authenticator-app.ts'

export interface Said {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a story looks into bodies of every shape.
  readonly body: any
  readonly headers: Headers
}

export interface SignUp {
  readonly email: string
  readonly displayName: string
  readonly companionName?: string
  readonly claimToken?: string
}

/** A step of a story that did not go as told: which one, and the answer. */
export class Unexpected extends Error {
  readonly said: Said
  constructor(step: string, said: Said) {
    super(`${step}: ${said.status} ${JSON.stringify(said.body)}`)
    this.said = said
  }
}

const POLL_MS = 50
const PATIENCE_MS = 65_000

export class PersonClient {
  readonly #url: string
  readonly #authenticator: SoftwareAuthenticator
  #token: string | undefined

  /** `origin` is the page's, where it differs from where the requests go; the authenticator is one of its own where none is given. */
  constructor(url: string, origin: string = new URL(url).origin, authenticator: SoftwareAuthenticator = new SoftwareAuthenticator({ origin })) {
    this.#url = url
    this.#authenticator = authenticator
  }

  get token(): string | undefined {
    return this.#token
  }

  /** Asks as this person, each POST under a key of its own; a rate limit that ends within a minute is waited for. */
  async ask(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Said> {
    const deadline = Date.now() + PATIENCE_MS
    const own = {
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
    }
    for (;;) {
      const said = await this.#send(method, path, body, { ...own, ...headers })
      const waitMs = Number(said.headers.get('retry-after') ?? 0) * 1000
      if (said.body?.code !== 'rate_limited' || waitMs === 0 || Date.now() + waitMs > deadline) return said
      await delay(waitMs)
    }
  }

  /** The body of an answer of this status; throws Unexpected for any other. */
  async expect(status: number, method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Said['body']> {
    const said = await this.ask(method, path, body, headers)
    if (said.status !== status) throw new Unexpected(`${method} ${path}`, said)
    return said.body
  }

  /** The three steps of a signup; waits for the end where it takes longer than the answer. Throws Unexpected when it is refused. */
  async signUp(about: SignUp): Promise<Said['body']> {
    return (await this.signUpTimed(about)).answer
  }

  /** A signup, and how many milliseconds its last call took: the one in which everything comes to be. */
  async signUpTimed({ email, displayName, companionName, claimToken }: SignUp): Promise<{ readonly answer: Said['body']; readonly lastCallMs: number }> {
    const names = { display_name: displayName, ...(companionName !== undefined && { companion_name: companionName }) }
    const begun = await this.expect(200, 'POST', '/auth/signup/begin', { email, ...names })
    const registration_id: string = begun.registration_id
    const secret = { authorization: `Signup ${begun.registration_secret}` }
    const proven = await this.expect(200, 'POST', '/auth/signup/passkey', { registration_id, credential: this.#authenticator.register(begun.options) }, secret)
    const finish = {
      registration_id,
      code: codeShown(proven.totp.secret, Date.now()),
      session_delivery: 'bearer',
      ...(claimToken !== undefined && { claim_token: claimToken }),
    }
    const began = performance.now()
    const answer = await this.#finished(finish, secret)
    const lastCallMs = performance.now() - began
    this.#token = answer.session.token
    return { answer, lastCallMs }
  }

  async #finished(finish: { readonly registration_id: string }, secret: Readonly<Record<string, string>>): Promise<Said['body']> {
    const said = await this.ask('POST', '/auth/signup/totp-verify', finish, secret)
    if (said.status === 200) return said.body
    if (said.status !== 202) throw new Unexpected('POST /auth/signup/totp-verify', said)
    const deadline = Date.now() + PATIENCE_MS
    while (Date.now() < deadline) {
      const { state } = await this.expect(200, 'GET', `/auth/signup/${finish.registration_id}`)
      if (state !== 'pending') return this.#finished(finish, secret)
      await delay(POLL_MS)
    }
    throw new Unexpected('the signup does not end', said)
  }

  /** Logs in by passkey. */
  async logIn(): Promise<Said['body']> {
    this.#token = undefined
    const { challenge_id, options } = await this.expect(200, 'POST', '/auth/login/passkey/begin', {})
    const credential = this.#authenticator.authenticate(options)
    const answer = await this.expect(200, 'POST', '/auth/login/passkey/finish', { challenge_id, credential, session_delivery: 'bearer' })
    this.#token = answer.session.token
    return answer
  }

  async #send(method: string, path: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<Said> {
    const answer = await fetch(new URL(path, this.#url), {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const json = answer.headers.get('content-type')?.includes('json') === true
    return { status: answer.status, body: json ? JSON.parse(text) : text, headers: answer.headers }
  }
}
