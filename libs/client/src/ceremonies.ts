// Signing up and logging in, in the steps a page shows them. What makes and proves passkeys is handed in: `passkeys` of
// @loomworks/client/browser, or an authenticator of one's own.
import type { Client, Reply } from './client.ts'
import type { Operations } from './generated/api.ts'
import { Refused } from './refused.ts'

export type CreationOptions = Reply<'beginSignup'>['options']
export type RequestOptions = Reply<'beginLogin'>['options']
export type Registered = Operations['verifySignupPasskey']['input']['body']['credential']
export type Proven = Operations['finishLogin']['input']['body']['credential']
export type Factors = Reply<'verifySignupPasskey'>
export type Entered = Reply<'finishLogin'>
export type Progress = Reply<'followSignup'>
/** Of the address: a claim token, or a mailed code. */
type Proofs = Pick<Operations['verifySignupTotp']['input']['body'], 'claim_token' | 'email_code'>

export interface Authenticator {
  register(options: CreationOptions): Promise<Registered>
  /** With `autofill` the browser offers passkeys in a field of the page, and this resolves when one was chosen. */
  authenticate(options: RequestOptions, how: { readonly autofill: boolean }): Promise<Proven>
}

/** One signup: `begin` → `passkey` → `finish`. Made anew from its id after a reload, where a cookie keeps its secret. */
export class SignUp {
  readonly id: string
  readonly #client: Client
  readonly #authenticator: Authenticator
  readonly #how: { readonly authorization?: string }
  #options: CreationOptions | undefined

  constructor(client: Client, authenticator: Authenticator, id: string, secret?: string) {
    this.id = id
    this.#client = client
    this.#authenticator = authenticator
    this.#how = secret === undefined ? {} : { authorization: `Signup ${secret}` }
  }

  static async begin(client: Client, authenticator: Authenticator, about: Operations['beginSignup']['input']['body']): Promise<SignUp> {
    return SignUp.of(client, authenticator, await client.call('beginSignup', { body: about }))
  }

  /** A signup that was begun by a call: `beginSignup`, or `claimGrant` for whoever follows a claim link. */
  static of(client: Client, authenticator: Authenticator, begun: Pick<Reply<'beginSignup'>, 'registration_id' | 'registration_secret' | 'options'>): SignUp {
    const signUp = new SignUp(client, authenticator, begun.registration_id, begun.registration_secret)
    signUp.#options = begun.options
    return signUp
  }

  /** Makes the passkey; gives the secret of the authenticator app and the recovery codes, which are never shown again. */
  async passkey(): Promise<Factors> {
    const body = { registration_id: this.id }
    const options = this.#options ?? (await this.#client.call('askSignupPasskey', { body }, this.#how)).options
    // Options are good for one try.
    this.#options = undefined
    const credential = await this.#authenticator.register(options)
    return this.#client.call('verifySignupPasskey', { body: { ...body, credential } }, this.#how)
  }

  /** Other factors, where the answer that showed them was lost. */
  renewFactors(): Promise<Factors> {
    return this.#client.call('renewSignupTotp', { body: { registration_id: this.id } }, this.#how)
  }

  /** With a code of the app everything comes to be, and the person is logged in. `email_code` is the mailed one, where the deployment asks for
   *  it. Waits for the end where that takes longer; rejects with why where it is undone. */
  async finish(code: string, { onProgress, ...proofs }: Proofs & { readonly onProgress?: (progress: Progress) => void } = {}): Promise<Entered> {
    const body = { registration_id: this.id, code, session_delivery: this.#client.session, ...proofs }
    for (;;) {
      const answer = await this.#client.call('verifySignupTotp', { body }, this.#how)
      if ('session' in answer) return entered(this.#client, answer)
      for await (const { data } of this.#client.follow('followSignup', { params: { registration_id: this.id } })) {
        onProgress?.(data)
        // Asked again it would be another attempt: that is for the person to decide.
        if (data.state === 'failed') throw new Refused(Number(data.http_status), data, undefined)
        if (data.state === 'completed') break
      }
    }
  }
}

/** Logs in by passkey. */
export async function logIn(client: Client, authenticator: Authenticator, { autofill = false } = {}): Promise<Entered> {
  client.token = undefined
  const { challenge_id, options } = await client.call('beginLogin', { body: {} })
  const credential = await authenticator.authenticate(options, { autofill })
  return entered(client, await client.call('finishLogin', { body: { challenge_id, credential, session_delivery: client.session } }))
}

/** A fresh proof that it is still they, as `step_up_required` asks for: by passkey, or with a code of the app where level `any` will do.
 *  The session has a new token then. */
export async function stepUp(client: Client, by: { readonly passkey: Authenticator } | { readonly totp_code: string }): Promise<void> {
  const { session } = await client.call('finishStepUp', { body: 'passkey' in by ? await provenAnew(client, by.passkey) : by })
  if (session.token !== undefined) client.token = session.token
}

async function provenAnew(client: Client, passkey: Authenticator) {
  const { challenge_id, options } = await client.call('beginStepUp', { body: { level: 'passkey' } })
  return { challenge_id, credential: await passkey.authenticate(options, { autofill: false }) }
}

/** Every entry gives a new token. */
function entered(client: Client, answer: Entered): Entered {
  client.token = answer.session.token
  return answer
}
