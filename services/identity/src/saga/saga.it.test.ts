import { newId } from '@loomworks/kernel'
import { exec, sql } from '@loomworks/sql'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { type SignedUp, signedUp, verified, withFactors } from '../signing-up.ts'

let bench: IdentityBench
let ada: SignedUp
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
  ada = await signedUp(bench, { email: 'ada@example.org' })
  bench.steps.set('reserve/do', () => ({ outcome: 'failed', code: 'claim.expired' }))
  await verified(bench, await withFactors(bench, { email: 'bo@example.org' }), { claim_token: 'a token' })
})
afterAll(() => bench[Symbol.asyncDispose]())

const asOperator = (url: string) => bench.ask('GET', url, { session: bench.operatorToken })

describe('the list of sagas', () => {
  test('is given to the operator, newest first', async () => {
    const { status, body } = await asOperator('/admin/sagas')
    expect(status).toBe(200)
    expect(body.items.map(({ state }: { state: string }) => state)).toEqual(['aborted', 'completed'])
    expect(body.items[0]).toMatchObject({
      definition: 'signup',
      version: 1,
      overlays: [],
      step: 'reserve',
      attempts: 1,
      error_class: 'claim.expired',
      code: 'claim.expired',
    })
    expect(body.next_cursor).toBeNull()
  })

  test('is filtered and paged', async () => {
    expect((await asOperator('/admin/sagas?state=completed')).body.items).toMatchObject([{ state: 'completed' }])
    expect((await asOperator('/admin/sagas?definition=adopt')).body.items).toEqual([])
    const first = await asOperator('/admin/sagas?limit=1')
    const second = await asOperator(`/admin/sagas?limit=1&cursor=${first.body.next_cursor}`)
    const idsOf = (items: readonly { id: string }[]) => items.map(({ id }) => id)
    expect(idsOf([...first.body.items, ...second.body.items])).toEqual(idsOf((await asOperator('/admin/sagas')).body.items))
  })

  test('has pages of 1 to 100 and no other filters', async () => {
    expect(await asOperator('/admin/sagas?limit=101')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await asOperator('/admin/sagas?person=ada')).toMatchObject({ status: 422 })
  })
})

describe('one saga', () => {
  test('shows how each step stands, and names nobody', async () => {
    const [{ id }] = (await asOperator('/admin/sagas?state=completed')).body.items
    const { status, body } = await asOperator(`/admin/sagas/${id}`)
    expect(status).toBe(200)
    const states = Object.fromEntries(body.steps.map(({ step, state }: { step: string; state: string }) => [step, state]))
    expect(states).toEqual({ reserve: 'skipped', createPending: 'done', induct: 'done', commonsJoin: 'done', activate: 'done', confirm: 'skipped' })
    expect(JSON.stringify(body)).not.toMatch(/example\.org|Ada/)
  })

  test('that is not there is told so', async () => {
    expect(await asOperator(`/admin/sagas/${newId()}`)).toMatchObject({ status: 404, body: { code: 'saga.not_found' } })
    expect(await asOperator('/admin/sagas/x')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })
})

test.each([
  [`/admin/sagas/${newId()}/actions`, { action: 'retry', reason: 'ticket 12', expected_revision: 0 }],
  ['/admin/sagas/reconcile', {}],
  ['/admin/dead-letters/1/redrive', { reason: 'ticket 12' }],
  ['/admin/dead-letters/1/discard', { reason: 'ticket 12' }],
])('POST %s is for who has just shown a passkey', async (url, body) => {
  const bo = await signedUp(bench, { email: `${newId()}@example.org` })
  await exec(
    bench.db,
    sql`insert into identity.person_roles (person_id, role, granted_by) values (${bo.personId}, 'ops', '{"kind":"service","id":"operator"}')`,
  )
  await exec(bench.db, sql`update identity.sessions set step_up_at = now() - interval '6 minutes' where person_id = ${bo.personId}`)
  expect(await bench.ask('POST', url, { session: bo.session, body })).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
})

describe('reconcile', () => {
  const reconcile = (body: object) => bench.ask('POST', '/admin/sagas/reconcile', { session: bench.operatorToken, body })

  test('does something only for a reason', async () => {
    expect(await reconcile({ dry_run: false })).toMatchObject({ status: 422, body: { code: 'saga.reason_required' } })
  })

  test('goes page by page; a participant that does not answer is told', async () => {
    expect(await reconcile({ cursor: 'list~' })).toMatchObject({ status: 200, body: { findings: [], next_cursor: 'letters~' } })
    expect(await reconcile({})).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
  })
})

test.each(['/admin/sagas', `/admin/sagas/${newId()}`])('%s is for who has the scope saga.read', async (url) => {
  expect(await bench.ask('GET', url)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  expect(await bench.ask('GET', url, { session: ada.session })).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } })
  const bo = await signedUp(bench, { email: `${newId()}@example.org` })
  await exec(
    bench.db,
    sql`insert into identity.person_roles (person_id, role, granted_by) values (${bo.personId}, 'ops', '{"kind":"service","id":"operator"}')`,
  )
  expect([200, 404]).toContain((await bench.ask('GET', url, { session: bo.session })).status)
})
