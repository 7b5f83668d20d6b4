// Between the gateway's look at a session and what its token is used for a person can be locked or erased. Then nothing is changed or told.
import { exec, sql } from '@loomworks/sql'
import { fakeClock, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Ask, type IdentityBench, identityBench, ORIGIN } from './identity-bench.ts'
import { codeOf, type SignedUp, signedUp } from './signing-up.ts'

const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
type Asked = readonly [method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: Ask['body']]
const CREDENTIALS = '/me/credentials'
const bodyOf = async ({ session }: SignedUp, url: string, body: object) => (await bench.ask('POST', url, { session, body })).body
const firstPasskey = async ({ session }: SignedUp): Promise<string> => (await bench.ask('GET', CREDENTIALS, { session })).body.passkeys[0].id

async function attestedFor(ada: SignedUp) {
  const { challenge_id, options } = await bodyOf(ada, `${CREDENTIALS}/passkeys/begin`, {})
  return { challenge_id, credential: new SoftwareAuthenticator({ origin: ORIGIN }).register(options) }
}

async function offered(ada: SignedUp) {
  const { totp } = await bodyOf(ada, `${CREDENTIALS}/totp/begin`, {})
  return { code: codeOf(totp.secret, clock.now()) }
}

test.each<readonly [string, (ada: SignedUp) => Asked | Promise<Asked>]>([
  ['finish a step-up', ({ totpSecret }) => ['POST', '/auth/step-up/finish', { totp_code: codeOf(totpSecret, clock.now(), 1) }]],
  ['begin another passkey', () => ['POST', `${CREDENTIALS}/passkeys/begin`, {}]],
  ['finish it', async (ada) => ['POST', `${CREDENTIALS}/passkeys/finish`, await attestedFor(ada)]],
  ['take a passkey back into use', async (ada) => ['POST', `${CREDENTIALS}/passkeys/${await firstPasskey(ada)}/clear`]],
  ['remove a passkey', async (ada) => ['DELETE', `${CREDENTIALS}/passkeys/${await firstPasskey(ada)}`]],
  ['begin another authenticator', () => ['POST', `${CREDENTIALS}/totp/begin`, {}]],
  ['finish it', async (ada) => ['POST', `${CREDENTIALS}/totp/verify`, await offered(ada)]],
  ['renew recovery codes', () => ['POST', `${CREDENTIALS}/recovery-codes`]],
  ['look at oneself', () => ['GET', '/me']],
  ['change one’s name', () => ['PATCH', '/me', { display_name: 'Eve' }]],
  ['name the Companion', () => ['PATCH', '/me/companion-name', { name: 'Nyx' }]],
])('who was erased meanwhile can no longer %s', async (_, asking) => {
  const ada = await signedUp(bench, { email: `g${++next}@example.org` })
  const [method, url, body] = await asking(ada)
  const held = await bench.hold(ada.session)
  await exec(bench.db, sql`update identity.persons set state = 'erased', account_status = 'deleted' where id = ${ada.personId}`)
  await exec(bench.db, sql`update identity.sessions set revoked_at = now(), revoked_reason = 'erased' where person_id = ${ada.personId}`)
  const facts = (await bench.told(FACTS, ada.personId)).length
  expect(await held(method, url, body === undefined ? {} : { body })).toMatchObject({ status: 401, body: { code: 'token_refused' } })
  expect(await bench.told(FACTS, ada.personId)).toHaveLength(facts)
})

const FACTS = ['CredentialAdded', 'CredentialRemoved', 'PersonNamesChanged']
