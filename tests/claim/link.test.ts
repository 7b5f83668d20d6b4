// A claim link: the token alone begins a signup for the address it was given to, and at its end the credit is there.
import { randomUUID } from 'node:crypto'
import { exec, openDatabase, sql } from '@loomworks/sql'
import { eventually, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf } from '../../services/identity/src/signing-up.ts'
import { proven } from '../signup/ceremony.ts'
import { startWhole, type Whole } from '../whole.ts'

let whole: Whole
beforeAll(async () => {
  whole = await startWhole()
})
afterAll(() => whole[Symbol.asyncDispose]())

async function given(at: Whole = whole): Promise<{ readonly email: string; readonly token: string; readonly id: string }> {
  const email = `${randomUUID().slice(0, 8)}@example.org`
  const admin = await at.admin()
  const grant = { recipient_email: email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000' }
  const issued = await admin.expect(201, 'POST', '/admin/grants', grant, { 'idempotency-key': randomUUID() })
  return { email, token: issued.claim_token, id: issued.grant.id }
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of every shape.
type Body = any

async function post(path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${whole.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
  return { status: answer.status, body: (await answer.json()) as Body, cookies: answer.headers.getSetCookie() }
}
const follow = (claim_token: string, more: object = {}) => post('/claim/grant', { claim_token, display_name: 'Bob', ...more })

async function alter(id: string, change: ReturnType<typeof sql>): Promise<void> {
  const db = openDatabase({ url: whole.instance.adminUrl, max: 1, applicationName: 'test', onError: () => undefined })
  await exec(db, sql`update credit."grant" set ${change} where id = ${id}`)
  await db.close()
}

test('leads to an account with the credit in it, its address proven', async () => {
  const { email, token } = await given()
  const { status, body, cookies } = await follow(token, { companion_name: 'Iris', email })
  expect(status).toBe(200)
  expect(body).toMatchObject({ claim_token: token, email_hint: `${email[0]}•••@e•••.org`, asset: 'loomworks_credit_sonnet', amount: '100000' })
  expect(cookies[0]).toMatch(/^signup=.*HttpOnly/)
  const secret = { authorization: `Signup ${body.registration_secret}` }
  const credential = new SoftwareAuthenticator({ origin: whole.url }).register(body.options)
  const { registration_id } = body
  const factors = await post('/auth/signup/passkey', { registration_id, credential }, secret)
  const last = { registration_id, code: codeOf(factors.body.totp.secret), claim_token: token, session_delivery: 'bearer' }
  const entered = await post('/auth/signup/totp-verify', last, secret)
  expect(entered).toMatchObject({ status: 200, body: { person: { email, email_verified: true, display_name: 'Bob', companion_name: 'Iris' } } })
  const credit = await fetch(`${whole.url}/me/credit`, { headers: { authorization: `Bearer ${entered.body.session.token}` } })
  expect(await credit.json()).toMatchObject({ balances: [{ settled: '100000' }] })
  expect(await follow(token)).toMatchObject({ status: 409, body: { code: 'claim.already_claimed' } })
  await whole.holds()
})

describe('is refused', () => {
  test('for a token that nobody has', async () => expect(await follow('lwc_nothing')).toMatchObject({ status: 404, body: { code: 'claim.token_unknown' } }))

  test.each([
    ['revoked', sql`status = 'revoked', recipient_email = null`, 410, 'claim.revoked'],
    ['too old', sql`expires_at = now() - interval '1 second'`, 410, 'claim.expired'],
    ['held by a signup', sql`reserved_by = gen_random_uuid(), reserved_for = gen_random_uuid(), reserved_at = now()`, 409, 'claim.in_progress'],
  ] as const)('for a grant that is %s', async (_what, change, status, code) => {
    const { token, id } = await given()
    await alter(id, change)
    expect(await follow(token)).toMatchObject({ status, body: { code } })
  })

  test('for another address, and names none', async () => {
    const { token, email } = await given()
    const answer = await follow(token, { email: 'other@example.org' })
    expect(answer).toMatchObject({ status: 403, body: { code: 'claim.email_mismatch' } })
    expect(JSON.stringify(answer.body)).not.toContain(email)
  })

  test.each([
    ['no name', { display_name: '' }, 'invalid_body'],
    ['a name that is none', { display_name: 'a\u202eb' }, 'invalid_body'],
    ['a Companion’s name that is none', { companion_name: 'a\u202eb' }, 'companion_name_invalid'],
    ['an address that is none', { email: 'nobody' }, 'invalid_body'],
  ])('for %s', async (_what, more, code) => {
    const { token } = await given()
    expect(await follow(token, more)).toMatchObject({ status: 422, body: { code } })
  })

  test('for a while where too much is under way', async () => {
    await using full = await startWhole({ environment: { SAGA_OPEN_MAX: '1' } })
    const { token } = await given(full)
    const begin = () => full.newcomer().client.ask('POST', '/claim/grant', { claim_token: token, display_name: 'Bob' })
    // The administrator's own signup counts a moment longer.
    const other = await eventually(() => proven(full.url, full.newcomer()))
    const db = openDatabase({ url: full.instance.adminUrl, max: 1, applicationName: 'test', onError: () => undefined })
    const held = await db.transaction(async (tx) => {
      // Memory cannot answer while nobody may write its fences.
      await exec(tx, sql`lock table memory.saga_fence in exclusive mode`)
      const finished = other.finish()
      await eventually(async () => expect(await begin()).toMatchObject({ status: 503, body: { code: 'signup.busy' } }), 4000)
      expect((await begin()).headers.get('retry-after')).toBe('5')
      return { finished }
    })
    await held.finished
    await db.close()
    await eventually(async () => expect(await begin()).toMatchObject({ status: 200 }))
  })

  test('where nobody may sign up, and not where claims alone may', async () => {
    const admin = await whole.admin()
    const { token } = await given()
    const set = (value: string) => admin.expect(200, 'PUT', '/admin/settings/signup.mode', { value })
    await set('closed')
    await expect.poll(async () => (await follow(token)).status, { timeout: 15_000 }).toBe(403)
    expect(await follow(token)).toMatchObject({ body: { code: 'signup.closed' } })
    await set('claim_only')
    await expect.poll(async () => (await follow(token)).status, { timeout: 15_000 }).toBe(200)
    expect(await post('/auth/signup/begin', { email: 'x@example.org', display_name: 'X' })).toMatchObject({ status: 403, body: { code: 'signup.closed' } })
    await set('open')
  })
})
