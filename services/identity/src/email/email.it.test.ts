import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exec, many, one, sql } from '@loomworks/sql'
import { eventually, fakeClock, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench, ORIGIN } from '../identity-bench.ts'
import { adminGrant } from '../roles.ts'
import { codeOf, loggedIn, type SignedUp, signedUp, verified, withFactors } from '../signing-up.ts'

const clock = fakeClock()
let bench: IdentityBench
let mailbox: string
beforeAll(async () => {
  mailbox = await mkdtemp(path.join(tmpdir(), 'lw-mail-'))
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock, environment: { MAILBOX_DIR: mailbox } })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const address = () => `e${++next}@example.org`
const person = () => signedUp(bench, { email: address() })
const change = (who: SignedUp, email: string) => bench.ask('POST', '/me/email', { session: who.session, body: { email } })
const verify = (who: SignedUp, code: string) => bench.ask('POST', '/me/email/verify', { session: who.session, body: { code } })
const wrong = (code: string) => (code === '000000' ? '000001' : '000000')

/** The newest letter to an address, once it is in the mailbox. */
const letterTo = (email: string, subject: string) =>
  eventually(async () => {
    const files = (await readdir(mailbox)).filter((name) => name.endsWith('.eml'))
    const letters = await Promise.all(files.map((file) => readFile(path.join(mailbox, file), 'utf8')))
    const found = letters.filter((text) => text.includes(`To: ${email}`) && text.includes(`Subject: ${subject}`))
    if (found.length === 0) throw new Error(`no letter to ${email}`)
    return found.at(-1) ?? ''
  })
const codeTo = async (email: string) => /code is ([0-9]{6})/.exec(await letterTo(email, 'Your Loomworks code'))?.[1] ?? ''

describe('another address', () => {
  test('is one’s own once its code was shown; the former one is told, and so is audit, without either', async () => {
    const ada = await person()
    const email = address()
    expect(await change(ada, email)).toMatchObject({ status: 202, body: { expires_at: expect.any(String) } })
    expect(await verify(ada, await codeTo(email))).toMatchObject({ status: 200, body: { email, email_verified: true } })
    await letterTo(ada.answer.body.person.email, 'Your Loomworks address was changed')
    const told = await bench.told('EmailChanged', ada.personId)
    expect(told.map(({ data }) => data)).toEqual([{ personId: ada.personId, verified: true }])
    expect(JSON.stringify(told)).not.toContain('example.org')
    expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 200, body: { person: { email } } })
  })

  test('of somebody else gets a letter without a code, and the asker learns nothing', async () => {
    const [ada, bob] = [await person(), await person()]
    const taken = bob.answer.body.person.email
    const free = await change(ada, address())
    expect(Object.keys((await change(ada, taken)).body)).toEqual(Object.keys(free.body))
    const letter = await letterTo(taken, 'Somebody asked for your Loomworks address')
    expect(letter).not.toMatch(/code is|sign up/)
    expect(await verify(ada, '000000')).toMatchObject({ status: 401, body: { code: 'email_code.invalid' } })
  })

  test('that is one’s own already is proven by a code, and nobody is told of a change', async () => {
    const ada = await person()
    expect(ada.answer.body.person).toMatchObject({ email_verified: false })
    const email = ada.answer.body.person.email.replace('e', 'E')
    expect(await change(ada, email)).toMatchObject({ status: 202 })
    expect(await verify(ada, await codeTo(email))).toMatchObject({ status: 200, body: { email, email_verified: true } })
    const letters = await many(bench.db, z.object({ template: z.string() }), sql`select template from identity.mail_log where person_id = ${ada.personId}`)
    expect(letters).toEqual([])
    expect((await bench.told('EmailChanged', ada.personId)).map(({ data }) => data)).toEqual([{ personId: ada.personId, verified: true }])
  })

  test('that somebody else took meanwhile is refused after the code', async () => {
    const [ada, bob] = [await person(), await person()]
    const email = address()
    await change(ada, email)
    const code = await codeTo(email)
    await exec(bench.db, sql`update identity.persons set email = ${email}, email_lookup = ${email} where id = ${bob.personId}`)
    expect(await verify(ada, code)).toMatchObject({ status: 409, body: { code: 'email.taken' } })
  })

  test('of who was locked meanwhile stays the former one', async () => {
    const ada = await person()
    const email = address()
    await change(ada, email)
    const code = await codeTo(email)
    const held = await bench.hold(ada.session)
    await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
    expect(await held('POST', '/me/email/verify', { body: { code } })).toMatchObject({ status: 401, body: { code: 'token_refused' } })
    expect(await bench.told('EmailChanged', ada.personId)).toEqual([])
  })

  test('wrong codes are counted, and the fifth ends it', async () => {
    const ada = await person()
    const email = address()
    await change(ada, email)
    const code = await codeTo(email)
    for (const left of [4, 3, 2, 1, 0]) expect(await verify(ada, wrong(code))).toMatchObject({ status: 401, body: { attempts_left: left } })
    expect(await verify(ada, code)).toMatchObject({ status: 401, body: { attempts_left: 0 } })
  })

  test('the code of the letter before, one that is too old, and one of somebody else open nothing', async () => {
    const [ada, bob] = [await person(), await person()]
    const email = address()
    await change(ada, email)
    const first = await codeTo(email)
    const other = address()
    await change(ada, other)
    const second = await codeTo(other)
    if (first !== second) expect(await verify(ada, first)).toMatchObject({ status: 401 })
    expect(await verify(bob, second)).toMatchObject({ status: 401 })
    clock.advance(900_000)
    const again = await loggedIn(bench, ada.authenticator)
    expect(await bench.ask('POST', '/me/email/verify', { session: again.body.session.token, body: { code: second } })).toMatchObject({ status: 401 })
  })

  test('needs a fresh proof, and is mailed five times an hour to one address', async () => {
    const ada = await person()
    const email = address()
    for (let n = 0; n < 5; n++) expect(await change(ada, email)).toMatchObject({ status: 202 })
    expect(await change(ada, email)).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    clock.advance(301_000)
    expect(await change(ada, address())).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'any' } })
    expect(await verify(ada, '000000')).toMatchObject({ status: 403, body: { code: 'step_up_required' } })
  })

  test.each(['nobody', 'a@', `${'x'.repeat(250)}@example.org`])('that is none is told: %s', async (email) => {
    const ada = await person()
    expect(await change(ada, email)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })
})

describe('where a signup must prove its address', () => {
  const proving = async () => {
    const chief = await person()
    await adminGrant(bench.db, chief.answer.body.person.email)
    await bench.ask('PUT', '/admin/settings/signup.email_proof', { session: chief.session, body: { value: 'code' } })
    clock.advance(1000)
  }

  test('the mailed code comes with the last step, and the address counts as proven', async () => {
    await proving()
    const email = address()
    const ready = await withFactors(bench, { email })
    const finish = (more: object) =>
      bench.ask('POST', '/auth/signup/totp-verify', {
        headers: ready.headers,
        body: { registration_id: ready.id, code: codeOf(ready.totpSecret, clock.now()), session_delivery: 'bearer', ...more },
      })
    expect(await finish({})).toMatchObject({ status: 401, body: { code: 'email_code.invalid', attempts_left: 5 } })
    const code = await codeTo(email)
    expect(await finish({ email_code: wrong(code) })).toMatchObject({ status: 401, body: { attempts_left: 4 } })
    expect(await finish({ email_code: code })).toMatchObject({ status: 200, body: { person: { email, email_verified: true } } })
  })

  test('the owner of a known address is told, and nobody else', async () => {
    const ada = await person().catch(() => undefined)
    expect(ada).toBeUndefined()
    const { email } = await one(bench.db, z.object({ email: z.string() }), sql`select email from identity.persons where state = 'active' limit 1`)
    const ready = await withFactors(bench, { email })
    expect(ready.answer.status).toBe(200)
    expect(await letterTo(email, 'You already have a Loomworks account')).toBeDefined()
    expect(await verified(bench, ready)).toMatchObject({ status: 401, body: { code: 'email_code.invalid' } })
  })

  test('one address gets five letters an hour, whoever begins', async () => {
    const body = { email: address(), display_name: 'Ada' }
    for (let n = 0; n < 5; n++) expect(await bench.ask('POST', '/auth/signup/begin', { body })).toMatchObject({ status: 200 })
    const refused = await bench.ask('POST', '/auth/signup/begin', { body })
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  })

  test('a claim token proves it too', async () => {
    const ready = await withFactors(bench, { email: address() })
    expect(await verified(bench, ready, { claim_token: 'lwc_x' })).toMatchObject({ status: 200, body: { person: { email_verified: true } } })
  })
})

test('where a deployment sends no letters nothing that needs one begins', async () => {
  await using silent = await identityBench({ adminUrl: inject('adminUrl') })
  const none = { status: 503, body: { code: 'mail.not_configured' } }
  const chief = await signedUp(silent, { email: address() })
  await adminGrant(silent.db, chief.answer.body.person.email)
  expect(await silent.ask('POST', '/me/email', { session: chief.session, body: { email: address() } })).toMatchObject(none)
  expect(await silent.ask('PUT', '/admin/settings/signup.email_proof', { session: chief.session, body: { value: 'code' } })).toMatchObject({ status: 200 })
  await eventually(async () => expect(await silent.ask('POST', '/auth/signup/begin', { body: { email: address(), display_name: 'Ada' } })).toMatchObject(none))
})

describe('a registration for a grant', () => {
  const open = (from: 'credit' | 'memory', more: object = {}) =>
    bench.internal(from, 'POST', '/internal/registrations', { grantId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c33', email: address(), displayName: 'Bob', ...more })

  test('is credit’s to open, with its secret and cookie', async () => {
    const { status, body } = await open('credit', { companionName: 'Iris' })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      registrationSecret: expect.any(String),
      options: { challenge: expect.any(String) },
      cookie: expect.stringMatching(/^signup=/),
    })
    expect(await open('memory')).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  })

  test('where claims alone are let in ends only with its claim token', async () => {
    await using claims = await identityBench({ adminUrl: inject('adminUrl'), clock, environment: { SETTING_SIGNUP_MODE: 'claim_only' } })
    const wanted = { grantId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c33', email: address(), displayName: 'Bob' }
    const { body } = await claims.internal('credit', 'POST', '/internal/registrations', wanted)
    const headers = { 'x-client-authorization': `Signup ${body.registrationSecret}` }
    const registration_id = body.registrationId
    const credential = new SoftwareAuthenticator({ origin: ORIGIN }).register(body.options)
    const factors = await claims.ask('POST', '/auth/signup/passkey', { headers, body: { registration_id, credential } })
    const last = { registration_id, code: codeOf(factors.body.totp.secret, clock.now()), session_delivery: 'bearer' }
    expect(await claims.ask('POST', '/auth/signup/totp-verify', { headers, body: last })).toMatchObject({ status: 403, body: { code: 'signup.closed' } })
    expect(await claims.ask('POST', '/auth/signup/totp-verify', { headers, body: { ...last, claim_token: 'lwc_x' } })).toMatchObject({ status: 200 })
  })

  test.each([
    ['a name that is none', { displayName: '' }, 422, 'invalid_body'],
    ['a Companion’s name that is none', { companionName: 'a\u202eb' }, 422, 'companion_name_invalid'],
  ])('is refused for %s', async (_what, more, status, code) => {
    expect(await open('credit', more)).toMatchObject({ status, body: { code } })
  })
})
