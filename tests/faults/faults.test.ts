// Faults that no service sees alone (architecture §12): a client that freezes inside a transaction, and clocks that do not agree.
import { type Clock, ServiceName, Transient, tokenHash } from '@loomworks/kernel'
import { type Database, exec, openDatabase, type Sql, sql } from '@loomworks/sql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWhole, type Whole } from '../whole.ts'

const FROZEN_FOR_MS = 5000
const APART_MS = 4000

let whole: Whole
const aheadMs = new Map<ServiceName, number>()
const clockOf = (service: ServiceName): Clock => ({ now: () => Date.now() + (aheadMs.get(service) ?? 0) })

beforeAll(async () => {
  whole = await startWhole({ clockOf })
  await whole.admin()
})
afterAll(() => whole[Symbol.asyncDispose]())

async function grantFor(email: string): Promise<string> {
  const admin = await whole.admin()
  const grant = { recipient_email: email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_opus', credit_amount: '500' }
  return (await admin.expect(201, 'POST', '/admin/grants', grant)).claim_token
}

interface Frozen {
  /** Runs on, and gives what becomes of its next statement. */
  thaw(): Promise<unknown>
}

/** A client of ours that takes a lock inside a transaction and then says nothing more. */
function frozen(db: Database, lock: Sql): Promise<Frozen> {
  return new Promise((holds, failed) => {
    const thawed = Promise.withResolvers<void>()
    const outcome = db
      .transaction(async (tx) => {
        await exec(tx, lock)
        holds({
          thaw() {
            thawed.resolve()
            return outcome
          },
        })
        await thawed.promise
        await exec(tx, sql`select 1`)
      })
      .catch((error: unknown) => {
        failed(error)
        return error
      })
  })
}

test('clients that freeze with a lock the signup needs hold it up for five seconds, not for ever', async () => {
  const { client, email, signUp } = whole.newcomer()
  const token = await grantFor(email)
  const db = openDatabase({ url: whole.instance.adminUrl, max: 3, applicationName: 'frozen', onError: () => undefined })
  const clients = await Promise.all([
    frozen(db, sql`select 1 from credit."grant" where claim_token_hash = ${tokenHash(token)} for update`),
    frozen(db, sql`select * from event_store.append(array['frozen'], array['no_stream'], array[1], array[gen_random_uuid()], array['Frozen'], array['{}'])`),
    frozen(db, sql`select * from bus.publish('[{"subject": "dlq.audit.schema", "id": "frozen", "headers": {}, "data": "{}"}]')`),
  ])
  const began = performance.now()
  await signUp(token)
  const tookMs = performance.now() - began
  expect(tookMs).toBeGreaterThan(FROZEN_FOR_MS / 2)
  expect(tookMs).toBeLessThan(FROZEN_FOR_MS * 3)
  for (const each of clients) expect(await each.thaw()).toBeInstanceOf(Transient)
  await db.close()
  expect(await client.expect(200, 'GET', '/me/credit')).toMatchObject({ balances: [{ settled: '500' }] })
  await whole.holds()
})

test.each([
  ['ahead of', APART_MS],
  ['behind', -APART_MS],
])('identity’s clock is four seconds %s all others: people sign up, claim, log in and write', async (_, ms) => {
  for (const service of ServiceName.options) aheadMs.set(service, service === 'identity' ? ms / 2 : -ms / 2)
  const { client, email, signUp } = whole.newcomer()
  await signUp(await grantFor(email))
  await client.logIn()
  const draft = await client.expect(201, 'POST', '/engagements/me/memory', {
    type: 'assertion',
    class: 'personal',
    payload: { kind: 'preference', text: 'Tea, never coffee.' },
  })
  await client.expect(200, 'POST', `/engagements/me/memory/${draft.id}/commit`, { expected_version: draft.version })
  expect(await client.expect(200, 'GET', '/me/credit')).toMatchObject({ balances: [{ settled: '500' }] })
  await whole.holds()
})
