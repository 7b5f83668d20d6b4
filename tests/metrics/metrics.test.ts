// What an operator watches (quality page §4): each number moves when what it tells of does, and comes back.
import { ServiceName } from '@loomworks/kernel'
import { type Database, exec, many, openDatabase, type Sql, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { metricsOf } from '../invariants/metrics.ts'
import { proven } from '../signup/ceremony.ts'
import { freePort, startWhole, type Whole } from '../whole.ts'

let whole: Whole
let admin: Database
let opsPort: number

beforeAll(async () => {
  opsPort = await freePort()
  whole = await startWhole({ environment: { OPS_PORT: String(opsPort) } })
  admin = openDatabase({ url: whole.instance.adminUrl, max: 2, applicationName: 'metrics test', onError: () => undefined })
})
afterAll(async () => {
  await admin.close()
  await whole[Symbol.asyncDispose]()
})

/** The sum over the series of a metric at one service whose labels hold all of these. */
async function valueAt(service: ServiceName, name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const texts = await metricsOf(whole.instance.platform.addressOf, opsPort)
  const lines = (texts[ServiceName.options.indexOf(service)] ?? '').split('\n').filter((line) => line.startsWith(`${name}{`))
  const wanted = lines.filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}`)))
  expect(wanted, `${service} tells ${name}`).not.toEqual([])
  return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** What is true while a lock holds up the work behind it, and is not before and after. It is held however long the work takes, which a
 *  transaction of the pool would not be. */
async function whileLocked(lock: Sql, work: () => Promise<unknown>, moved: () => Promise<void>): Promise<void> {
  await using holder = await admin.dedicated()
  await exec(holder, sql`begin`)
  await exec(holder, lock)
  await work()
  await eventually(moved)
}

test('how far a projection is behind, in events and in seconds', async () => {
  // A row that is not there yet cannot be locked.
  const row = sql`select from memory.projection_checkpoint where name = 'current_memory_v1'`
  await eventually(async () => expect(await many(admin, z.unknown(), row)).toHaveLength(1))
  const behind = (unit: string) => valueAt('memory', `projection_behind_${unit}`, { projection: 'current_memory_v1' })
  await whileLocked(
    sql`${row} for update`,
    () => whole.newcomer().signUp(),
    async () => {
      expect(await behind('events')).toBeGreaterThan(0)
      expect(await behind('seconds')).toBeGreaterThan(0)
    },
  )
  await eventually(async () => expect([await behind('events'), await behind('seconds')]).toEqual([0, 0]))
  expect(await valueAt('memory', 'projection_stopped')).toBe(0)
})

test('how much an outbox holds, and for how long', async () => {
  const outbox = async () => [await valueAt('identity', 'outbox_depth'), await valueAt('identity', 'outbox_lag_seconds')]
  await eventually(async () => expect(await outbox()).toEqual([0, 0]))
  await admin.transaction(async (tx) => {
    await exec(tx, sql`lock table bus.message in exclusive mode`)
    await exec(
      admin,
      sql`insert into identity.outbox (id, entity_id, subject, headers, data, created_at)
          values (gen_random_uuid(), 'e', 'evt.identity.0.e.Nothing', '{}', '{}', now())`,
    )
    await eventually(async () => expect((await outbox()).every((value) => value > 0)).toBe(true), 4000)
  })
  await eventually(async () => expect(await outbox()).toEqual([0, 0]))
})

test('how much lies before a durable', async () => {
  const pending = () => valueAt('companion', 'bus_pending', { state: 'pending' })
  await whileLocked(
    sql`lock table companion.profile in exclusive mode`,
    () => whole.newcomer().signUp(),
    async () => expect(await pending()).toBeGreaterThan(0),
  )
  await eventually(async () => expect(await pending()).toBe(0))
})

test('how many event streams are open, at the gateway and behind it', async () => {
  const open = async () => [await valueAt('gateway', 'sse_streams'), await valueAt('identity', 'sse_streams')]
  const { email, displayName } = whole.newcomer()
  const { id } = await proven(whole.url, { email, displayName })
  const leaving = new AbortController()
  await fetch(new URL(`/auth/signup/${id}/events`, whole.url), { signal: leaving.signal })
  expect(await open()).toEqual([1, 1])
  leaving.abort()
  await eventually(async () => expect(await open()).toEqual([0, 0]))
})

test('how many requests there were, by operation and status', async () => {
  const count = () => valueAt('gateway', 'http_request_duration_seconds_count', { operation: 'beginSignup', status: '200' })
  const before = await count()
  await whole.newcomer().signUp()
  expect(await count()).toBe(before + 1)
})
