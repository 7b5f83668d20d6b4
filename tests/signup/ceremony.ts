// A signup step by step, for the tests that look between the steps.
import { codeShown, PersonClient, type Said, SoftwareAuthenticator } from '@loomworks/testing'

/** A registration that has shown its passkey: one call with a code makes it a person. */
export interface Proven {
  readonly id: string
  /** Everything it was told that nobody else may ever see. */
  readonly secrets: readonly string[]
  /** Logs in by the passkey of the registration, once there is a person. */
  readonly client: PersonClient
  /** The last step; `claimToken` where credit is claimed with it, `code` in place of the right one. */
  finish(claimToken?: string, code?: string): Promise<Said>
  progress(): Promise<Said['body']>
}

export async function proven(url: string, about: { readonly email: string; readonly displayName: string }): Promise<Proven> {
  const { origin } = new URL(url)
  const authenticator = new SoftwareAuthenticator({ origin })
  const client = new PersonClient(url, origin, authenticator)
  const begun = await client.expect(200, 'POST', '/auth/signup/begin', { email: about.email, display_name: about.displayName })
  const registration_id: string = begun.registration_id
  const secret = { authorization: `Signup ${begun.registration_secret}` }
  const credential = authenticator.register(begun.options)
  const { totp, recovery_codes } = await client.expect(200, 'POST', '/auth/signup/passkey', { registration_id, credential }, secret)
  const finish = (claim_token?: string, code = codeShown(totp.secret, Date.now())) => {
    const body = { registration_id, code, session_delivery: 'bearer', ...(claim_token !== undefined && { claim_token }) }
    return client.ask('POST', '/auth/signup/totp-verify', body, secret)
  }
  const secrets = [begun.registration_secret, totp.secret, ...recovery_codes, ...recovery_codes.map((code: string) => code.replaceAll('-', ''))]
  return { id: registration_id, secrets, client, finish, progress: () => client.expect(200, 'GET', `/auth/signup/${registration_id}`) }
}

export interface ServerEvent {
  readonly id: number
  // biome-ignore lint/suspicious/noExplicitAny: a story looks into bodies of every shape.
  readonly data: any
}

/** Everything a stream of server-sent events says until it closes. */
export async function eventsOf(url: string, path: string, lastEventId?: number | string): Promise<readonly ServerEvent[]> {
  const answer = await fetch(new URL(path, url), { headers: lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) } })
  const text = await answer.text()
  const field = (block: string, name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1]
  return text
    .split('\n\n')
    .filter((block) => field(block, 'data') !== undefined)
    .map((block) => ({ id: Number(field(block, 'id')), data: JSON.parse(field(block, 'data') ?? 'null') }))
}
