// The first signup over six services, as a client sees it through the gateway.
import { randomUUID } from 'node:crypto'
import { EngagementState } from '@loomworks/contracts'
import { PersonClient, Unexpected } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWhole, type Whole } from '../whole.ts'

let whole: Whole
beforeAll(async () => {
  whole = await startWhole()
  await whole.admin()
})
afterAll(() => whole[Symbol.asyncDispose]())

const grantFor = async (email: string): Promise<string> => {
  const admin = await whole.admin()
  const grant = { recipient_email: email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_opus', credit_amount: '500' }
  return (await admin.expect(201, 'POST', '/admin/grants', grant)).claim_token
}
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof Unexpected ? error.said.body.code : String(error)),
  )

test('a person signs up, sees who they are, and has everything from the first moment', async () => {
  const { client, email, displayName, signUp } = whole.newcomer()
  expect(await signUp()).toMatchObject({ person: { email, display_name: displayName }, personal_engagement_id: expect.any(String) })
  const me = await client.expect(200, 'GET', '/me')
  expect(me).toMatchObject({ email, display_name: displayName, companion_name: `Iris ${displayName}`, account_status: 'active' })
  expect(await client.expect(200, 'GET', '/engagements/me')).toMatchObject({
    id: me.personal_engagement_id,
    visibility: 'personal',
    name: `Personal — ${displayName}`,
  })
  await whole.holds()
})

test('S-INV-10: the personal engagement is in no list and no dashboard', async () => {
  const { client, signUp } = whole.newcomer()
  await signUp()
  const { personal_engagement_id: own } = await client.expect(200, 'GET', '/me')
  for (const filter of ['', ...EngagementState.options.map((state) => `?state=${state}`), '?limit=100']) {
    const { items } = await client.expect(200, 'GET', `/engagements${filter}`)
    expect(items.filter(({ id, visibility }: { id: string; visibility: string }) => visibility === 'personal' || id === own)).toEqual([])
  }
  for (const filter of ['visibility=personal', `id=${own}`]) expect((await client.ask('GET', `/engagements?${filter}`)).status).toBe(422)
  for (const name of ['active', 'needs_you', 'recent']) expect(JSON.stringify(await client.expect(200, 'GET', `/me/dashboard/${name}`))).not.toContain(own)
})

test('with a claim token the credit is there too', async () => {
  const { client, email, signUp } = whole.newcomer()
  await signUp(await grantFor(email))
  expect(await client.expect(200, 'GET', '/me/credit')).toMatchObject({ balances: [{ asset: 'loomworks_credit_opus', settled: '500' }] })
  await whole.holds()
})

describe('is undone, and can be tried again:', () => {
  test('a token nobody knows, then none', async () => {
    const { signUp } = whole.newcomer()
    expect(await outcome(signUp('lwc_unknown'))).toBe('claim.token_unknown')
    expect(await outcome(signUp())).toBe('done')
    await whole.holds()
  })
  test('a token for another address', async () => {
    const { signUp } = whole.newcomer()
    expect(await outcome(signUp(await grantFor(`other-${randomUUID()}@example.org`)))).toBe('claim.email_mismatch')
    await whole.holds()
  })
  test('an address that a person has', async () => {
    const { email, signUp } = whole.newcomer()
    await signUp()
    expect(await outcome(new PersonClient(whole.url).signUp({ email: email.toUpperCase(), displayName: 'Somebody' }))).toBe('signup.email_taken')
    await whole.holds()
  })
})

test('F12: of 20 signups of one address at once exactly one is a person', async () => {
  const email = `race-${randomUUID()}@example.org`
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(new PersonClient(whole.url).signUp({ email, displayName: 'Racer' }))))
  expect(outcomes.filter((each) => each === 'done')).toHaveLength(1)
  expect(new Set(outcomes.filter((each) => each !== 'done'))).toEqual(
    new Set(['signup.email_taken', 'signup.too_many_attempts'].filter((code) => outcomes.includes(code))),
  )
  await whole.holds()
})

test('F11: of 20 signups with one token at once exactly one claims it', async () => {
  const { email } = whole.newcomer()
  const token = await grantFor(email)
  const box = email.split('@')[0] ?? ''
  // One mailbox in many spellings is not to be had outside Gmail, so all but one also fail for their address.
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, () => outcome(new PersonClient(whole.url).signUp({ email: `${box}@example.org`, displayName: 'Claimer', claimToken: token }))),
  )
  expect(outcomes.filter((each) => each === 'done')).toHaveLength(1)
  for (const each of outcomes)
    expect(['done', 'claim.in_progress', 'claim.already_claimed', 'signup.email_taken', 'signup.too_many_attempts', 'rate_limited']).toContain(each)
  await whole.holds()
})

test('20 people sign up at once and all of them are whole', async () => {
  const people = Array.from({ length: 20 }, () => whole.newcomer())
  expect(await Promise.all(people.map(({ signUp }) => outcome(signUp())))).toEqual(people.map(() => 'done'))
  await whole.holds()
})

test('log out ends the session at once; log in by passkey opens another', async () => {
  const { client, email, signUp } = whole.newcomer()
  await signUp()
  await client.expect(204, 'POST', '/auth/logout')
  expect(await client.ask('GET', '/me')).toMatchObject({ status: 401, body: { code: 'token_refused' } })
  await client.logIn()
  expect(await client.expect(200, 'GET', '/me')).toMatchObject({ email })
})
