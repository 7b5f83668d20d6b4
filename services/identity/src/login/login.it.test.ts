import { exec, many, one, sql } from '@loomworks/sql'
import { eventually, fakeClock, type Lies, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench, ORIGIN } from '../identity-bench.ts'
import { loggedIn, signedUp } from '../signing-up.ts'

const clock = fakeClock()
const FIVE_MINUTES_MS = 300_000
const QUARTER_OF_AN_HOUR_MS = 900_000
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = (options: Partial<ConstructorParameters<typeof SoftwareAuthenticator>[0]> = {}) =>
  signedUp(bench, { email: `l${++next}@example.org`, authenticator: new SoftwareAuthenticator({ origin: ORIGIN, ...options }) })
const begin = () => bench.ask('POST', '/auth/login/passkey/begin', { body: {} })
const finish = (challenge_id: unknown, credential: unknown, more: object = {}) =>
  bench.ask('POST', '/auth/login/passkey/finish', { body: { challenge_id, credential, ...more } })

describe('a passkey', () => {
  test.each(['ES256', 'EdDSA', 'RS256'] as const)('of %s opens a session', async (alg) => {
    const ada = await person({ alg })
    const answer = await loggedIn(bench, ada.authenticator)
    expect(answer).toMatchObject({ status: 200, body: { person: { id: ada.personId } } })
    expect((await bench.ask('GET', '/me', { session: answer.body.session.token })).status).toBe(200)
    expect(answer.body.session.token).not.toBe(ada.session)
  })

  test('opens it by cookie where nothing else is asked', async () => {
    const ada = await person()
    const { body } = await begin()
    const answer = await finish(body.challenge_id, ada.authenticator.authenticate(body.options))
    expect(answer.status).toBe(200)
    expect(answer.body.session).not.toHaveProperty('token')
    expect(answer.cookies[0]).toMatch(/^lw=lws_/)
  })

  test('is asked of anybody: no list of credentials', async () => {
    const { status, body } = await begin()
    expect(status).toBe(200)
    expect(body.options).toMatchObject({ rpId: 'localhost', userVerification: 'required', allowCredentials: [] })
    expect(await bench.ask('POST', '/auth/login/passkey/begin', { body: { email: 'x' } })).toMatchObject({ status: 422 })
  })

  test('tells the bus that a session was opened, on a new device or a known one', async () => {
    const ada = await person()
    await loggedIn(bench, ada.authenticator)
    const told = await eventually(async () => {
      const rows = await many(
        bench.db,
        z.object({ data: z.string() }),
        sql`select data from identity.outbox where entity_id = ${ada.personId} and subject like '%.SessionOpened' and published_at is not null order by seq`,
      )
      expect(rows).toHaveLength(2)
      return rows.map(({ data }) => JSON.parse(data).data)
    })
    expect(told).toMatchObject([
      { amr: ['passkey', 'totp'], newDevice: true },
      { amr: ['passkey'], newDevice: false },
    ])
  })
})

const LIES: readonly (readonly [string, Lies])[] = [
  ['a wrong signature', { badSignature: true }],
  ['another origin', { origin: 'https://evil.example' }],
  ['another RP', { rpId: 'evil.example' }],
  ['another challenge', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
  ['nobody verified', { userVerified: false }],
  ['a credential nobody has', { credentialId: Buffer.alloc(32, 9).toString('base64url') }],
  ['no owner', { userHandle: null }],
  ['another owner', { userHandle: Buffer.alloc(32, 9).toString('base64url') }],
  ['another backup eligibility', { backupEligible: true }],
]

test('why a passkey is refused is told to the metrics alone', async () => {
  const ada = await person()
  const answer = await loggedIn(bench, ada.authenticator, { origin: 'https://evil.example' })
  expect(JSON.stringify([answer.body, answer.headers])).not.toContain('origin')
  const metrics = (await bench.service.app?.inject({ method: 'GET', url: '/metrics' }))?.body
  expect(metrics).toMatch(/^passkey_refused_total\{ceremony="login",reason="origin",service="identity"\} [1-9]/m)
})

describe('one answer, login.refused, for', () => {
  test.each(LIES)('%s', async (_what, lies) => {
    const ada = await person()
    expect(await loggedIn(bench, ada.authenticator, lies)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 200 })
  })

  test('a challenge that was used, whether or not it succeeded', async () => {
    const ada = await person()
    const { body } = await begin()
    expect(await finish(body.challenge_id, ada.authenticator.authenticate(body.options, { badSignature: true }))).toMatchObject({ status: 401 })
    expect(await finish(body.challenge_id, ada.authenticator.authenticate(body.options))).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })

  test('a challenge nobody asked for, and one that was swept', async () => {
    const ada = await person()
    const { body } = await begin()
    const credential = ada.authenticator.authenticate(body.options)
    expect(await finish('01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', credential)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    await exec(bench.db, sql`delete from identity.challenges where id = ${body.challenge_id}`)
    expect(await finish(body.challenge_id, credential)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })

  test('a challenge of a signup', async () => {
    const ada = await person()
    await bench.ask('POST', '/auth/signup/begin', { body: { email: 'other@example.org', display_name: 'Other' } })
    const { id, challenge } = await one(
      bench.db,
      z.object({ id: z.string(), challenge: z.string() }),
      sql`select id, challenge from identity.challenges where purpose = 'signup' limit 1`,
    )
    const credential = ada.authenticator.authenticate({ challenge, rpId: 'localhost' })
    expect(await finish(id, credential)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })

  test('a person who is being erased', async () => {
    const ada = await person()
    await exec(bench.db, sql`update identity.persons set state = 'erased' where id = ${ada.personId}`)
    expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })
})

test('an own challenge that is too old is told so', async () => {
  const ada = await person()
  const { body } = await begin()
  clock.advance(FIVE_MINUTES_MS)
  expect(await finish(body.challenge_id, ada.authenticator.authenticate(body.options))).toMatchObject({
    status: 401,
    body: { code: 'login.challenge_expired' },
  })
})

test('a locked account is told to who has proven that it is theirs, and to nobody else', async () => {
  const ada = await person()
  await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
  expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 403, body: { code: 'account_locked' } })
  expect(await loggedIn(bench, ada.authenticator, { badSignature: true })).toMatchObject({ status: 401, body: { code: 'login.refused' } })
})

describe('ID-INV-8: the counter', () => {
  const stateOf = async (personId: string) =>
    one(
      bench.db,
      z.object({ state: z.string(), sign_count: z.bigint() }),
      sql`select state, sign_count from identity.webauthn_credentials where person_id = ${personId}`,
    )

  test('moves on', async () => {
    const ada = await person()
    await loggedIn(bench, ada.authenticator, { counter: 5 })
    expect(await stateOf(ada.personId)).toEqual({ state: 'active', sign_count: 5n })
    expect(await loggedIn(bench, ada.authenticator, { counter: 6 })).toMatchObject({ status: 200 })
  })

  test.each([4, 5, 0])('that stands at 5 and is shown as %i sets the passkey aside, whatever it shows later', async (counter) => {
    const ada = await person()
    await loggedIn(bench, ada.authenticator, { counter: 5 })
    const refused = { status: 403, body: { code: 'credential.clone_suspected' } }
    expect(await loggedIn(bench, ada.authenticator, { counter })).toMatchObject(refused)
    expect(await loggedIn(bench, ada.authenticator, { counter: 100 })).toMatchObject(refused)
    expect(await stateOf(ada.personId)).toEqual({ state: 'suspect', sign_count: 5n })
    expect(await bench.told('CredentialCloneSuspected', ada.personId)).toMatchObject([{ revision: 7 }])
  })

  test('raises no alarm for a stranger who knows the credential but not the key', async () => {
    const ada = await person()
    await loggedIn(bench, ada.authenticator, { counter: 5 })
    expect(await loggedIn(bench, ada.authenticator, { counter: 1, badSignature: true })).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    expect(await stateOf(ada.personId)).toMatchObject({ state: 'active' })
  })

  test('of a passkey that never counts stays 0 and is taken', async () => {
    const ada = await person({ synced: true })
    expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 200 })
    expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 200 })
  })
})

test('a body of the wrong shape is told, and uses up nothing', async () => {
  const ada = await person()
  const { body } = await begin()
  expect(await finish(body.challenge_id, { id: 'x' })).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  expect(await finish(body.challenge_id, ada.authenticator.authenticate(body.options), { session_delivery: 'pigeon' })).toMatchObject({ status: 422 })
  expect(await finish(body.challenge_id, ada.authenticator.authenticate(body.options))).toMatchObject({ status: 200 })
})

describe('a session', () => {
  const active = async (token: string) => (await bench.introspect(token)).body

  test('beyond the fiftieth makes the oldest give way', { timeout: 60_000 }, async () => {
    const ada = await person()
    for (let count = 0; count < 49; count++) {
      clock.advance(1)
      await loggedIn(bench, ada.authenticator)
    }
    expect(await active(ada.session)).toMatchObject({ active: true })
    clock.advance(1)
    await loggedIn(bench, ada.authenticator)
    expect(await active(ada.session)).toEqual({ active: false, code: 'token_refused' })
  })

  test('is one of at most fifty, also where many begin at once', { timeout: 60_000 }, async () => {
    const ada = await person({ counts: false })
    const live = sql`select count(*)::integer as n from identity.sessions where person_id = ${ada.personId} and revoked_at is null`
    for (let count = 0; count < 40; count++) await loggedIn(bench, ada.authenticator)
    const answers = await Promise.all(Array.from({ length: 18 }, () => loggedIn(bench, ada.authenticator)))
    for (const { status } of answers) expect(status).toBe(200)
    expect(await one(bench.db, z.object({ n: z.int() }), live)).toEqual({ n: 50 })
  })

  test('ends when nobody uses it for twelve hours; being used moves that end', async () => {
    const ada = await person()
    clock.advance(11 * 3_600_000)
    expect(await active(ada.session)).toMatchObject({ active: true })
    clock.advance(11 * 3_600_000)
    expect(await active(ada.session)).toMatchObject({ active: true })
    clock.advance(12 * 3_600_000)
    expect(await active(ada.session)).toEqual({ active: false, code: 'session_expired' })
  })

  test('ends after fourteen days, used or not', async () => {
    const ada = await person()
    for (let hours = 0; hours < 14 * 24; hours += 8) {
      expect(await active(ada.session)).toMatchObject({ active: true })
      clock.advance(8 * 3_600_000)
    }
    expect(await active(ada.session)).toEqual({ active: false, code: 'session_expired' })
  })

  test('is a fresh step-up for five minutes, and says since when', async () => {
    const ada = await person()
    const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    const { token } = await active(ada.session)
    expect(claims(token)).toMatchObject({ step_up: { at: Math.floor(clock.now() / 1000), level: 'passkey' }, amr: ['passkey', 'totp'] })
    clock.advance(QUARTER_OF_AN_HOUR_MS)
    expect(claims((await active(ada.session)).token).step_up.at).toBe(Math.floor((clock.now() - QUARTER_OF_AN_HOUR_MS) / 1000))
  })
})

describe('logging out', () => {
  test('ends the session, tells the bus, and clears the cookie', async () => {
    const ada = await person()
    const answer = await bench.ask('POST', '/auth/logout', { session: ada.session })
    expect(answer).toMatchObject({ status: 204, body: '' })
    expect(answer.cookies[0]).toMatch(/^lw=; .*Max-Age=0/)
    expect((await bench.introspect(ada.session)).body).toEqual({ active: false, code: 'token_refused' })
    expect(await bench.told('SessionRevoked', ada.personId)).toMatchObject([{ data: { personId: ada.personId, reason: 'logout' } }])
  })

  test('is the same with no session, and with one that has ended', async () => {
    expect(await bench.ask('POST', '/auth/logout')).toMatchObject({ status: 204 })
    const ada = await person()
    await bench.ask('POST', '/auth/logout', { session: ada.session })
    expect(await bench.ask('POST', '/auth/logout', { session: ada.session })).toMatchObject({ status: 204 })
  })
})
