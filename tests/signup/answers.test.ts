// What a client is told at the last step of a signup, answer by answer (saga page §3.3); after each the invariants hold.
import { randomUUID } from 'node:crypto'
import { tokenHash } from '@loomworks/kernel'
import { exec, openDatabase, type Sql, sql } from '@loomworks/sql'
import { PersonClient } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startWhole, type Whole } from '../whole.ts'
import { proven } from './ceremony.ts'

const ATTEMPTS = 5
const WRONG_CODE = '000000'

let whole: Whole
beforeAll(async () => {
  whole = await startWhole()
  await whole.admin()
})
afterEach(() => whole.holds())
afterAll(() => whole[Symbol.asyncDispose]())

async function grantFor(email: string): Promise<string> {
  const admin = await whole.admin()
  const grant = { recipient_email: email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_opus', credit_amount: '500' }
  return (await admin.expect(201, 'POST', '/admin/grants', grant)).claim_token
}

/** What the way of time, or an operator, would do to the row. */
async function asAdmin(statement: Sql): Promise<void> {
  const db = openDatabase({ url: whole.instance.adminUrl, max: 1, applicationName: 'test', onError: () => undefined })
  try {
    expect(await exec(db, statement)).toBe(1)
  } finally {
    await db.close()
  }
}

const problem = (status: number, code: string) => ({ status, body: { status, code, request_id: expect.any(String) } })

test('404 claim.token_unknown', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  expect(await registration.finish(`lwc_${randomUUID()}`)).toMatchObject(problem(404, 'claim.token_unknown'))
})

test('409 claim.already_claimed: for the one who has it, too', async () => {
  const { email, displayName, signUp } = whole.newcomer()
  const token = await grantFor(email)
  await signUp(token)
  const registration = await proven(whole.url, { email, displayName })
  expect(await registration.finish(token)).toMatchObject(problem(409, 'claim.already_claimed'))
})

test('409 claim.in_progress: while another signup holds the grant', async () => {
  const about = whole.newcomer()
  const token = await grantFor(about.email)
  const first = await proven(whole.url, about)
  const second = await proven(whole.url, about)
  await whole.instance.part('memory').stop()
  expect((await first.finish(token)).status).toBe(202)
  expect(await second.finish(token)).toMatchObject(problem(409, 'claim.in_progress'))
  const ending = first.finish(token)
  await whole.instance.part('memory').start()
  expect((await ending).status).toBe(200)
})

test('410 claim.expired', async () => {
  const about = whole.newcomer()
  const token = await grantFor(about.email)
  await asAdmin(sql`update credit."grant" set expires_at = now() - interval '1 minute' where claim_token_hash = ${tokenHash(token)}`)
  expect(await (await proven(whole.url, about)).finish(token)).toMatchObject(problem(410, 'claim.expired'))
})

test('410 claim.revoked', async () => {
  const about = whole.newcomer()
  const token = await grantFor(about.email)
  await asAdmin(
    sql`update credit."grant" set status = 'revoked', recipient_email = null, revoked_reason = 'a mistake' where claim_token_hash = ${tokenHash(token)}`,
  )
  expect(await (await proven(whole.url, about)).finish(token)).toMatchObject(problem(410, 'claim.revoked'))
})

test('409 signup.email_taken', async () => {
  const { email, displayName, signUp } = whole.newcomer()
  const late = await proven(whole.url, { email, displayName })
  await signUp()
  expect(await late.finish()).toMatchObject(problem(409, 'signup.email_taken'))
})

test('404 signup.not_found: the same for an unknown registration and for a wrong secret', async () => {
  const { id } = await proven(whole.url, whole.newcomer())
  const stranger = new PersonClient(whole.url)
  const ask = (registration_id: string) =>
    stranger.ask('POST', '/auth/signup/totp-verify', { registration_id, code: WRONG_CODE }, { authorization: `Signup ${'x'.repeat(43)}` })
  const [known, unknown] = [await ask(id), await ask(randomUUID())]
  expect(known).toMatchObject(problem(404, 'signup.not_found'))
  const { request_id: _known, ...body } = known.body
  expect(unknown).toMatchObject({ status: 404, body })
})

test('401 totp.invalid with the tries that are left; the fifth ends the registration: 410', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  for (const attempts_left of [4, 3, 2, 1, 0])
    expect(await registration.finish(undefined, WRONG_CODE)).toMatchObject({ ...problem(401, 'totp.invalid'), body: { attempts_left } })
  expect(await registration.finish()).toMatchObject(problem(410, 'signup.registration_expired'))
})

test('429 signup.too_many_attempts: after five that were undone', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  const token = await grantFor(`other-${randomUUID()}@example.org`)
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) expect(await registration.finish(token)).toMatchObject(problem(403, 'claim.email_mismatch'))
  expect(await registration.finish()).toMatchObject(problem(429, 'signup.too_many_attempts'))
})

test('200 again after 200: the session is given anew, and the former one opens nothing any more', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  const [first, again] = [await registration.finish(), await registration.finish()]
  expect([first.status, again.status]).toEqual([200, 200])
  const me = (token: string) => registration.client.ask('GET', '/me', undefined, { authorization: `Bearer ${token}` })
  expect((await me(first.body.session.token)).status).toBe(401)
  expect((await me(again.body.session.token)).status).toBe(200)
})
