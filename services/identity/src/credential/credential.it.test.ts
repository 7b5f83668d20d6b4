import { one, sql } from '@loomworks/sql'
import { fakeClock, type Lies, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { toldSinceSignup } from '../credential-story.ts'
import { type Answer, type IdentityBench, identityBench, ORIGIN } from '../identity-bench.ts'
import { codeOf, loggedIn, type SignedUp, signedUp } from '../signing-up.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 20)
const FIVE_MINUTES_MS = 300_000
const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = () => signedUp(bench, { email: `c${++next}@example.org` })
type Held = Pick<SignedUp, 'session'>
const list = ({ session }: Held) => bench.ask('GET', '/me/credentials', { session })
const begin = ({ session }: Held) => bench.ask('POST', '/me/credentials/passkeys/begin', { session, body: {} })
const finish = ({ session }: Held, body: object) => bench.ask('POST', '/me/credentials/passkeys/finish', { session, body })
const remove = ({ session }: Held, id: string) => bench.ask('DELETE', `/me/credentials/passkeys/${id}`, { session })
const rename = ({ session }: Held, id: string, display_name: unknown) =>
  bench.ask('PATCH', `/me/credentials/passkeys/${id}`, { session, body: { display_name } })
const clear = ({ session }: Held, id: string) => bench.ask('POST', `/me/credentials/passkeys/${id}/clear`, { session })
const active = async (token: string) => (await bench.introspect(token)).body.active

/** Adds a passkey on an authenticator of its own. */
async function added(ada: Held, more: object = {}, lies: Lies = {}): Promise<{ readonly answer: Answer; readonly authenticator: SoftwareAuthenticator }> {
  // Passkeys are listed by their age.
  clock.advance(1)
  const authenticator = new SoftwareAuthenticator({ origin: ORIGIN })
  const { body } = await begin(ada)
  const answer = await finish(ada, { challenge_id: body.challenge_id, credential: authenticator.register(body.options, lies), ...more })
  return { answer, authenticator }
}
const firstOf = async (ada: Held): Promise<string> => (await list(ada)).body.passkeys[0].id

const told = (personId: string) => toldSinceSignup(bench, personId)

describe('what I prove myself by', () => {
  test('is told: passkeys, the age of the authenticator, how many codes are left', async () => {
    const ada = await person()
    const { status, body } = await list(ada)
    expect(status).toBe(200)
    expect(body).toEqual({
      passkeys: [
        {
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          display_name: 'Passkey',
          state: 'active',
          aaguid: '00000000-0000-0000-0000-000000000000',
          backed_up: false,
          transports: ['internal'],
          created_at: expect.any(String),
          last_used_at: null,
          clone_suspected_at: null,
        },
      ],
      totp: { confirmed_at: expect.any(String) },
      recovery_codes: { left: 10 },
    })
  })

  test('is changed only by who has just proven themselves', async () => {
    const ada = await person()
    const id = await firstOf(ada)
    clock.advance(FIVE_MINUTES_MS)
    const changes = [
      ['POST', '/me/credentials/passkeys/begin', {}],
      ['POST', '/me/credentials/passkeys/finish', {}],
      ['PATCH', `/me/credentials/passkeys/${id}`, {}],
      ['POST', `/me/credentials/passkeys/${id}/clear`, undefined],
      ['DELETE', `/me/credentials/passkeys/${id}`, undefined],
      ['POST', '/me/credentials/totp/begin', {}],
      ['POST', '/me/credentials/totp/verify', {}],
      ['POST', '/me/credentials/recovery-codes', undefined],
    ] as const
    for (const [method, url, body] of changes) {
      expect(await bench.ask(method, url, { session: ada.session, ...(body && { body }) })).toMatchObject({
        status: 403,
        body: { code: 'step_up_required', level: 'any' },
      })
      expect(await bench.ask(method, url, body ? { body } : {})).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    }
    const proof = { totp_code: codeOf(ada.totpSecret, clock.now()) }
    const { body } = await bench.ask('POST', '/auth/step-up/finish', { session: ada.session, body: proof })
    expect(await rename({ session: body.session.token }, id, 'Key')).toMatchObject({ status: 200 })
  })
})

describe('adding a passkey', () => {
  test('gives one that logs in, told as a fact', async () => {
    const ada = await person()
    const { answer, authenticator } = await added(ada, { display_name: '  Yubi ' })
    expect(answer).toMatchObject({ status: 201, body: { passkey: { display_name: 'Yubi', state: 'active' } } })
    expect(answer.body).not.toHaveProperty('session')
    expect(await loggedIn(bench, authenticator)).toMatchObject({ status: 200, body: { person: { id: ada.personId } } })
    expect((await list(ada)).body.passkeys).toHaveLength(2)
    expect(await told(ada.personId)).toMatchObject([
      { type: 'CredentialAdded', revision: 7, credentialRef: answer.body.passkey.id, kind: 'passkey', backedUp: false },
    ])
  })

  test('asks for one on an authenticator that has none of mine, for the same owner', async () => {
    const ada = await person()
    const { body } = await begin(ada)
    expect(body.options.excludeCredentials).toMatchObject([{ id: ada.authenticator.passkeys[0]?.id.toString('base64url'), type: 'public-key' }])
    expect(body.options).toMatchObject({ user: { id: ada.authenticator.passkeys[0]?.userHandle }, pubKeyCredParams: [{ alg: -8 }, { alg: -7 }, { alg: -257 }] })
  })

  test.each<readonly [string, Lies]>([
    ['from another origin', { origin: 'https://evil.example' }],
    ['with nobody verified', { userVerified: false }],
    ['for another challenge', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
  ])('%s is refused', async (_what, lies) => {
    expect((await added(await person(), {}, lies)).answer).toMatchObject({ status: 401, body: { code: 'passkey.rejected' } })
  })

  test('uses its challenge up, is for the session that began, and within five minutes', async () => {
    const [ada, eve] = [await person(), await person()]
    const authenticator = new SoftwareAuthenticator({ origin: ORIGIN })
    const { body } = await begin(ada)
    const answer = { challenge_id: body.challenge_id, credential: authenticator.register(body.options) }
    const refused = { status: 401, body: { code: 'passkey.rejected' } }
    expect(await finish(eve, answer)).toMatchObject(refused)
    expect(
      await finish(ada, { ...answer, credential: authenticator.register(body.options, { badSignature: true, origin: 'https://evil.example' }) }),
    ).toMatchObject(refused)
    expect(await finish(ada, answer)).toMatchObject(refused)
    expect(await finish(ada, { ...answer, challenge_id: 'x' })).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    const late = await begin(ada)
    await bench.db.query(sql`update identity.challenges set expires_at = ${new Date(clock.now()).toISOString()} where id = ${late.body.challenge_id}`)
    expect(await finish(ada, { challenge_id: late.body.challenge_id, credential: authenticator.register(late.body.options) })).toMatchObject(refused)
  })

  test('that anybody has, or had, is refused', async () => {
    const [ada, eve] = [await person(), await person()]
    const { authenticator } = await added(ada)
    const [own] = authenticator.passkeys
    const asEves = async (session: Held) => {
      const { body } = await begin(session)
      const id = own?.id.toString('base64url') ?? ''
      const credential = new SoftwareAuthenticator({ origin: ORIGIN }).register(body.options)
      return finish(session, { challenge_id: body.challenge_id, credential: withId(credential, id) })
    }
    expect(await asEves(eve)).toMatchObject({ status: 409, body: { code: 'credential.taken' } })
    await remove(ada, (await list(ada)).body.passkeys[1].id)
    expect(await asEves(ada)).toMatchObject({ status: 409, body: { code: 'credential.taken' } })
  })

  test('ends at twenty, also when they come at once', { timeout: 60_000 }, async () => {
    const ada = await person()
    for (let count = 0; count < 17; count++) expect((await added(ada)).answer.status).toBe(201)
    const ready = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const { body } = await begin(ada)
        return { challenge_id: body.challenge_id, credential: new SoftwareAuthenticator({ origin: ORIGIN }).register(body.options) }
      }),
    )
    const answers = await Promise.all(ready.map((each) => finish(ada, each)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(2)
    expect(answers.filter(({ body }) => body.code === 'credential.limit')).toHaveLength(4)
    expect(await begin(ada)).toMatchObject({ status: 409, body: { code: 'credential.limit' } })
  })
})

describe('a passkey', () => {
  test('is called something else', async () => {
    const ada = await person()
    const id = await firstOf(ada)
    expect(await rename(ada, id, ' Phone ')).toMatchObject({ status: 200, body: { id, display_name: 'Phone' } })
    expect(await rename(ada, id, '')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await rename(ada, id, 'a'.repeat(51))).toMatchObject({ status: 422 })
  })

  test('of somebody else, or of nobody, is not found', async () => {
    const [ada, eve] = [await person(), await person()]
    const id = await firstOf(eve)
    const lost = { status: 404, body: { code: 'not_found' } }
    expect(await rename(ada, id, 'Mine')).toMatchObject(lost)
    expect(await remove(ada, id)).toMatchObject(lost)
    expect(await clear(ada, id)).toMatchObject(lost)
    expect(await remove(ada, '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44')).toMatchObject(lost)
  })

  test('is removed with the sessions it opened; the row stays', async () => {
    const ada = await person()
    const { answer, authenticator } = await added(ada)
    const second = (await loggedIn(bench, authenticator)).body.session
    expect(await remove(ada, answer.body.passkey.id)).toMatchObject({ status: 204, cookies: [] })
    expect(await active(second.token)).toBe(false)
    expect(await active(ada.session)).toBe(true)
    expect(await loggedIn(bench, authenticator)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    expect(await remove(ada, answer.body.passkey.id)).toMatchObject({ status: 404 })
    expect((await told(ada.personId)).at(-1)).toMatchObject({
      type: 'CredentialRemoved',
      credentialRef: answer.body.passkey.id,
      kind: 'passkey',
      reason: 'removed',
    })
    const { state } = await one(
      bench.db,
      z.object({ state: z.string() }),
      sql`select state from identity.webauthn_credentials where id = ${answer.body.passkey.id}`,
    )
    expect(state).toBe('removed')
  })

  test('that opened this very session takes it along', async () => {
    const ada = await person()
    await added(ada)
    const answer = await remove(ada, await firstOf(ada))
    expect(answer.status).toBe(204)
    expect(answer.cookies[0]).toMatch(/^lw=; .*Max-Age=0/)
    expect(await active(ada.session)).toBe(false)
  })

  test('ID-INV-10: stays when it is the last', async () => {
    const ada = await person()
    expect(await remove(ada, await firstOf(ada))).toMatchObject({ status: 409, body: { code: 'credential.last_passkey' } })
  })
})

test('ID-INV-10: of fifty removals at once of two passkeys one stays', { timeout: 30_000 + ROUNDS * 3000 }, async () => {
  const ada = await person()
  let [kept] = (await list(ada)).body.passkeys
  for (let round = 0; round < ROUNDS; round++) {
    // The session is of neither passkey, so it outlives both.
    await bench.db.query(
      sql`update identity.sessions set credential_id = null, step_up_at = ${new Date(clock.now()).toISOString()} where person_id = ${ada.personId}`,
    )
    const { answer } = await added(ada)
    const ids = [kept.id, answer.body.passkey.id]
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => remove(ada, ids[index % 2])))
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1)
    const { passkeys } = (await list(ada)).body
    expect(passkeys).toHaveLength(1)
    kept = passkeys[0]
  }
})

describe('a passkey that was set aside', () => {
  async function suspected() {
    const ada = await person()
    const id = await firstOf(ada)
    const { authenticator } = await added(ada)
    await loggedIn(bench, ada.authenticator, { counter: 5 })
    expect(await loggedIn(bench, ada.authenticator, { counter: 5 })).toMatchObject({ status: 403, body: { code: 'credential.clone_suspected' } })
    return { ada, id, other: { session: (await loggedIn(bench, authenticator)).body.session.token } }
  }

  test('is neither cleared nor removed by a session it opened', async () => {
    const { ada, id } = await suspected()
    expect((await list(ada)).body.passkeys[0]).toMatchObject({ id, state: 'suspect', clone_suspected_at: expect.any(String) })
    expect(await clear(ada, id)).toMatchObject({ status: 403, body: { code: 'credential.clone_suspected' } })
    expect(await remove(ada, id)).toMatchObject({ status: 403, body: { code: 'credential.clone_suspected' } })
  })

  test('opened sessions that change no factor at all: they may be the thief’s', async () => {
    const { ada } = await suspected()
    const [, second] = (await list(ada)).body.passkeys
    const refused = { status: 403, body: { code: 'credential.clone_suspected' } }
    expect((await added(ada)).answer).toMatchObject(refused)
    expect(await remove(ada, second.id)).toMatchObject(refused)
    expect(await bench.ask('POST', '/me/credentials/recovery-codes', { session: ada.session })).toMatchObject(refused)
    const { totp } = (await bench.ask('POST', '/me/credentials/totp/begin', { session: ada.session, body: {} })).body
    expect(await bench.ask('POST', '/me/credentials/totp/verify', { session: ada.session, body: { code: codeOf(totp.secret, clock.now()) } })).toMatchObject(
      refused,
    )
  })

  test('is cleared from a session of another factor, its counter where it was, and told', async () => {
    const { ada, id, other } = await suspected()
    expect(await clear(other, id)).toMatchObject({ status: 200, body: { id, state: 'active', clone_suspected_at: null } })
    expect(await loggedIn(bench, ada.authenticator, { counter: 5 })).toMatchObject({ status: 403 })
    expect(await clear(other, id)).toMatchObject({ status: 200 })
    expect(await loggedIn(bench, ada.authenticator, { counter: 6 })).toMatchObject({ status: 200 })
    expect((await told(ada.personId)).map(({ type }) => type)).toEqual([
      'CredentialAdded',
      'CredentialCloneSuspected',
      'CredentialAdded',
      'CredentialCloneSuspected',
      'CredentialAdded',
    ])
    expect(await clear(other, id)).toMatchObject({ status: 200, body: { state: 'active' } })
    expect(await told(ada.personId)).toHaveLength(5)
  })

  test('is removed from there, but does not count as one that is left', async () => {
    const { id, other } = await suspected()
    const [, second] = (await list(other)).body.passkeys
    expect(await remove(other, second.id)).toMatchObject({ status: 409, body: { code: 'credential.last_passkey' } })
    expect(await remove(other, id)).toMatchObject({ status: 204 })
  })
})

/** The answer of an authenticator, as if the credential it made had this id. */
function withId(credential: ReturnType<SoftwareAuthenticator['register']>, id: string): typeof credential {
  const at = Buffer.from(credential.response.attestationObject, 'base64url')
  const own = Buffer.from(credential.id, 'base64url')
  const place = at.indexOf(own)
  Buffer.from(id, 'base64url').copy(at, place)
  return { ...credential, id, rawId: id, response: { ...credential.response, attestationObject: at.toString('base64url') } }
}
