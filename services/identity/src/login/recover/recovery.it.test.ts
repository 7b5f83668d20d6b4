import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { many, one, sql } from '@loomworks/sql'
import { eventually, fakeClock, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench, ORIGIN } from '../../identity-bench.ts'
import { codeOf, loggedIn, type SignedUp, signedUp } from '../../signing-up.ts'

const STEP_MS = 30_000
const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  const mailbox = await mkdtemp(path.join(tmpdir(), 'lw-mail-'))
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock, environment: { MAILBOX_DIR: mailbox } })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = async () => {
  const email = `r${++next}@example.org`
  return { ...(await signedUp(bench, { email })), email }
}
type Person = Awaited<ReturnType<typeof person>>
const recover = (body: object, headers: Record<string, string> = {}) =>
  bench.ask('POST', '/auth/login/recovery', { body: { session_delivery: 'bearer', ...body }, headers })
/** What opens it: the code of the next step, for the signup's is used up, and a recovery code. */
const factors = ({ email, totpSecret, recoveryCodes }: Person, code = 0) => ({
  email,
  totp_code: codeOf(totpSecret, clock.now(), 1),
  recovery_code: recoveryCodes[code] ?? '',
})
const wrongTotp = ({ totpSecret }: SignedUp) => codeOf(totpSecret, clock.now(), 40)
const refused = { status: 401, body: { code: 'login.refused' } }
const opens = async (token: string) => (await bench.introspect(token)).body

const factsOf = (personId: string, type: string) => bench.told(type, personId)

async function passkeyAdded(session: string, more: object = {}) {
  const authenticator = new SoftwareAuthenticator({ origin: ORIGIN })
  const { body } = await bench.ask('POST', '/me/credentials/passkeys/begin', { session, body: {} })
  const credential = authenticator.register(body.options)
  const answer = await bench.ask('POST', '/me/credentials/passkeys/finish', { session, body: { challenge_id: body.challenge_id, credential, ...more } })
  return { answer, authenticator }
}

describe('a recovery', () => {
  test('by code and recovery code opens a session that is kept to it', async () => {
    const ada = await person()
    const answer = await recover(factors(ada))
    expect(answer).toMatchObject({
      status: 200,
      body: { person: { id: ada.personId, recovery_codes_left: 9 }, session: { restricted: 'recovery', token: expect.stringMatching(/^lws_/) } },
    })
    const claims = JSON.parse(Buffer.from((await opens(answer.body.session.token)).token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims).toMatchObject({ restricted: 'recovery', amr: ['totp', 'recovery_code'], step_up: { level: 'any' } })
  })

  test('is told: the session, how many codes are left, and a letter', async () => {
    const ada = await person()
    const { body } = await recover(factors(ada))
    expect(await factsOf(ada.personId, 'RecoveryUsed')).toMatchObject([{ revision: 7, data: { personId: ada.personId, codesLeft: 9 } }])
    expect((await factsOf(ada.personId, 'SessionOpened')).at(-1)).toMatchObject({ data: { sessionId: body.session.id, amr: ['totp', 'recovery_code'] } })
    const letters = sql`select template from identity.mail_log where person_id = ${ada.personId}`
    expect(await many(bench.db, z.object({ template: z.string() }), letters)).toEqual([{ template: 'recovery_used' }])
    expect(JSON.stringify(await factsOf(ada.personId, 'RecoveryUsed'))).not.toContain(ada.recoveryCodes[0])
  })

  test('takes the recovery code as people type it, and the address in any case', async () => {
    const ada = await person()
    const typed = ada.recoveryCodes[3]?.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l') ?? ''
    expect(await recover({ ...factors(ada), recovery_code: typed, email: ` ${ada.email.toUpperCase()}` })).toMatchObject({ status: 200 })
  })

  test('goes by cookie where nothing else is asked', async () => {
    const ada = await person()
    const answer = await bench.ask('POST', '/auth/login/recovery', { body: factors(ada) })
    expect(answer.body.session).not.toHaveProperty('token')
    expect(answer.cookies[0]).toMatch(/^lw=lws_/)
  })
})

describe('one answer, login.refused, spends nothing, for', () => {
  test.each<readonly [string, (ada: Person) => object]>([
    ['a wrong code', (ada) => ({ totp_code: wrongTotp(ada) })],
    ['a wrong recovery code', () => ({ recovery_code: '0000-0000-0000-0000-0000-0000' })],
    ['neither right', (ada) => ({ totp_code: wrongTotp(ada), recovery_code: 'x' })],
    ['an address nobody has', () => ({ email: 'nobody@example.org' })],
  ])('%s', async (_what, wrong) => {
    const ada = await person()
    expect(await recover({ ...factors(ada), ...wrong(ada) })).toMatchObject(refused)
    expect(await recover(factors(ada))).toMatchObject({ status: 200 })
  })

  test('a code and a recovery code that were used', async () => {
    const ada = await person()
    const first = factors(ada)
    expect(await recover(first)).toMatchObject({ status: 200 })
    expect(await recover({ ...factors(ada, 1), totp_code: first.totp_code })).toMatchObject(refused)
    clock.advance(2 * STEP_MS)
    expect(await recover(factors(ada, 0))).toMatchObject(refused)
    expect(await recover(factors(ada, 1))).toMatchObject({ status: 200 })
  })

  test('the codes of somebody else', async () => {
    const [ada, eve] = [await person(), await person()]
    expect(await recover({ ...factors(ada), recovery_code: eve.recoveryCodes[0] ?? '' })).toMatchObject(refused)
    expect(await recover({ ...factors(ada), totp_code: codeOf(eve.totpSecret, clock.now(), 1) })).toMatchObject(refused)
  })

  test('who is being erased', async () => {
    const ada = await person()
    await bench.db.query(sql`update identity.persons set state = 'erased' where id = ${ada.personId}`)
    expect(await recover(factors(ada))).toMatchObject(refused)
  })
})

test('a known address and an unknown one are told the same, whatever is shown', async () => {
  const ada = await person()
  const shown = { ...factors(ada), recovery_code: 'x' }
  const [known, unknown] = [await recover(shown), await recover({ ...shown, email: 'nobody@example.org' })]
  const shape = ({ status, body, headers }: typeof known) => ({ status, body: { ...body, request_id: '' }, headers: Object.keys(headers).sort() })
  expect(shape(known)).toEqual(shape(unknown))
})

test('a body of another shape is told, and is no try', async () => {
  const ada = await person()
  for (const wrong of [{ email: 'x' }, { totp_code: '12' }, { recovery_code: '' }, { recovery_code: 'x'.repeat(101) }, { more: 1 }])
    for (let count = 0; count < 2; count++) expect(await recover({ ...factors(ada), ...wrong })).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  expect(await recover(factors(ada))).toMatchObject({ status: 200 })
})

describe('a locked person', () => {
  test('is told so after both factors, which are not spent, and nobody else is', async () => {
    const ada = await person()
    const state = (to: string) => bench.db.query(sql`update identity.persons set state = ${to} where id = ${ada.personId}`)
    await state('locked')
    expect(await recover(factors(ada))).toMatchObject({ status: 403, body: { code: 'account_locked' } })
    expect(await recover({ ...factors(ada), totp_code: wrongTotp(ada) })).toMatchObject(refused)
    await state('active')
    expect(await recover(factors(ada))).toMatchObject({ status: 200 })
  })
})

describe('who guesses', () => {
  test.each([true, false])('waits after five wrong tries, for an address that is known: %s', async (known) => {
    const ada = await person()
    const email = known ? ada.email : `unknown${next}@example.org`
    const wrong = { ...factors(ada), email, recovery_code: 'x' }
    for (let count = 0; count < 5; count++) expect(await recover(wrong)).toMatchObject(refused)
    const answer = await recover({ ...factors(ada), email })
    expect(answer).toMatchObject({ status: 429, body: { code: 'recovery.throttled' } })
    expect(answer.headers['retry-after']).toBe('30')
    if (known) expect(await factsOf(ada.personId, 'SignInThrottled')).toMatchObject([{ data: { personId: ada.personId, kind: 'recovery' } }])
    clock.advance(STEP_MS)
    expect(await recover({ ...factors(ada), email })).toMatchObject(known ? { status: 200 } : refused)
  })

  test('at the app’s code, holding a recovery code, waits wherever they come from', async () => {
    const ada = await person()
    const guess = (count: number) => recover({ ...factors(ada), totp_code: wrongTotp(ada) }, { 'x-client-ip': `198.51.${100 + count}.1` })
    for (let count = 0; count < 5; count++) expect(await guess(count)).toMatchObject(refused)
    expect(await guess(5)).toMatchObject({ status: 429, body: { code: 'recovery.throttled' } })
    expect(await factsOf(ada.personId, 'SignInThrottled')).toMatchObject([{ data: { personId: ada.personId, kind: 'recovery' } }])
    clock.advance(STEP_MS)
    expect(await recover(factors(ada), { 'x-client-ip': '203.0.113.1' })).toMatchObject({ status: 200 })
  })

  test('keeps nobody out who comes from elsewhere', async () => {
    const ada = await person()
    for (let count = 0; count < 6; count++) await recover({ ...factors(ada), recovery_code: 'x' })
    expect(await recover(factors(ada), { 'x-client-ip': '198.51.100.9' })).toMatchObject({ status: 200 })
  })
})

describe('the session of a recovery', () => {
  test('reaches the passkeys, who I am and the way out, and nothing else', async () => {
    const ada = await person()
    const { session } = (await recover(factors(ada))).body
    const ask = (method: 'GET' | 'POST', url: string, body?: object) => bench.ask(method, url, { session: session.token, ...(body && { body }) })
    expect(await ask('GET', '/me')).toMatchObject({ status: 200 })
    expect(await ask('POST', '/me/credentials/passkeys/begin', {})).toMatchObject({ status: 200 })
    const shut = { status: 403, body: { code: 'auth.scope_missing' } }
    expect(await ask('GET', '/me/credentials')).toMatchObject(shut)
    expect(await ask('POST', '/me/credentials/totp/begin', {})).toMatchObject(shut)
    expect(await ask('POST', '/me/credentials/recovery-codes')).toMatchObject(shut)
    expect(await ask('POST', '/auth/step-up/begin', { level: 'any' })).toMatchObject(shut)
    expect(await ask('GET', '/me/sessions')).toMatchObject(shut)
    expect(await ask('POST', '/auth/logout')).toMatchObject({ status: 204 })
  })

  test('becomes whole with a new passkey, under a new token; the other sessions end', async () => {
    const ada = await person()
    const { session } = (await recover(factors(ada))).body
    const { answer, authenticator } = await passkeyAdded(session.token)
    expect(answer).toMatchObject({ status: 201, body: { passkey: { state: 'active' }, session: { id: session.id, token: expect.stringMatching(/^lws_/) } } })
    expect(answer.body.session).not.toHaveProperty('restricted')
    expect(answer.body.session.token).not.toBe(session.token)
    expect(await bench.ask('GET', '/me/sessions', { session: answer.body.session.token })).toMatchObject({ status: 200, body: { items: [{ current: true }] } })
    expect(await opens(ada.session)).toEqual({ active: false, code: 'token_refused' })
    expect((await factsOf(ada.personId, 'SessionRevoked')).map(({ data }) => data)).toMatchObject([
      { sessionId: ada.answer.body.session.id, reason: 'recovery' },
    ])
    expect(await loggedIn(bench, authenticator)).toMatchObject({ status: 200 })
  })

  test('is kept to it under the token before, which the new passkey replaced', async () => {
    const ada = await person()
    const { session } = (await recover(factors(ada))).body
    expect((await passkeyAdded(session.token)).answer.status).toBe(201)
    expect(await bench.ask('GET', '/me/sessions', { session: session.token })).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } })
  })

  test('makes a passkey also when that takes a while: the codes that opened it are gone', async () => {
    const ada = await person()
    const { session } = (await recover(factors(ada))).body
    clock.advance(3_600_000)
    expect((await passkeyAdded(session.token)).answer.status).toBe(201)
  })

  test('leaves the others where they are to be kept', async () => {
    const ada = await person()
    const { session } = (await recover(factors(ada))).body
    expect((await passkeyAdded(session.token, { keep_sessions: true })).answer.status).toBe(201)
    expect(await opens(ada.session)).toMatchObject({ active: true })
  })

  test('is one of the new passkey, and ends with it', async () => {
    const ada = await person()
    const { answer } = await passkeyAdded((await recover(factors(ada))).body.session.token)
    const whole = answer.body.session.token
    expect(await bench.ask('DELETE', `/me/credentials/passkeys/${answer.body.passkey.id}`, { session: whole })).toMatchObject({ status: 204 })
    expect(await opens(whole)).toMatchObject({ active: false })
  })

  test('removes a passkey that was set aside, once there is another', async () => {
    const ada = await person()
    await bench.db.query(sql`update identity.webauthn_credentials set state = 'suspect', clone_suspected_at = now() where person_id = ${ada.personId}`)
    const { id } = await one(bench.db, z.object({ id: z.string() }), sql`select id from identity.webauthn_credentials where person_id = ${ada.personId}`)
    const { session } = (await recover(factors(ada))).body
    const removed = (token: string) => bench.ask('DELETE', `/me/credentials/passkeys/${id}`, { session: token })
    expect(await removed(session.token)).toMatchObject({ status: 409, body: { code: 'credential.last_passkey' } })
    const { answer } = await passkeyAdded(session.token)
    expect(await removed(answer.body.session.token)).toMatchObject({ status: 204 })
  })
})

test('ID-INV-7: of fifty recoveries at once by one recovery code and codes of three steps exactly one enters', { timeout: 60_000 }, async () => {
  const ada = await person()
  await bench.db.query(sql`update identity.totp_factors set last_step = 0 where person_id = ${ada.personId}`)
  const shown = (index: number) => ({ ...factors(ada), totp_code: codeOf(ada.totpSecret, clock.now(), (index % 3) - 1) })
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => recover(shown(index), { 'x-client-ip': `198.51.${index}.1` })))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  await eventually(async () => expect((await factsOf(ada.personId, 'RecoveryUsed')).map(({ data }) => data.codesLeft)).toEqual([9]))
})

test('ID-INV-7: of fifty recoveries at once by one code of the app and ten recovery codes exactly one enters', async () => {
  const ada = await person()
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => recover(factors(ada, index % 10), { 'x-client-ip': `198.51.${index}.1` })))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.find(({ status }) => status === 200)?.body.person.recovery_codes_left).toBe(9)
})
