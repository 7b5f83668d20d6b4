import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { derivedId, newId, Transient } from '@loomworks/kernel'
import { type Database, exec, many, one, sql } from '@loomworks/sql'
import { eventually, PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, beforeEach, expect, inject, test, vi } from 'vitest'
import { z } from 'zod'
import { numberOf, stored, TOPOLOGY } from './conformance/bench.ts'
import { enqueue, type OutboxRow } from './outbox.ts'
import { type Bus, laneOf } from './port.ts'
import { PostgresBus } from './postgres.ts'
import { OutboxRelay, type RelayOptions } from './relay.ts'

const OUTBOX = `
create table outbox (
  seq bigint generated always as identity primary key, id uuid not null unique, entity_id text not null, revision bigint, stream text,
  subject text not null, headers jsonb not null, data text not null, created_at timestamptz not null default now(), published_at timestamptz
);
create table outbox_lease (only_row boolean primary key default true check (only_row), holder text not null, until timestamptz not null);
`

let folder: string
let database: TestDatabase
let bus: PostgresBus
let db: Database
let entity: string
const troubles: unknown[] = []
const onTrouble = (error: unknown) => void troubles.push(error)

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loomworks-shop-'))
  await writeFile(path.join(folder, '0001_shop.sql'), OUTBOX)
  database = await testDatabase(inject('adminUrl'), { ...PLATFORM_SCHEMAS, shop: folder })
  db = database.db
  bus = new PostgresBus({ db, onTrouble })
  await bus.ensure(TOPOLOGY)
})

beforeEach(async () => {
  await exec(db, sql`truncate shop.outbox, shop.outbox_lease`)
  entity = newId()
  troubles.length = 0
})

afterAll(async () => {
  await bus.drain(1000)
  await database[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

test('rows leave in the order of their numbers, each with its message id and place', async () => {
  await written(300)
  await relay().flush()
  const sent = await published()
  expect(sent.map(numberOf)).toEqual(numbers(300))
  expect(sent[0]).toMatchObject({ id: idOf(0), headers: { 'message-id': idOf(0) } })
  expect(sent.map(({ headers }) => Number(headers['outbox-seq']))).toEqual([...sent.map(({ headers }) => Number(headers['outbox-seq']))].sort((a, b) => a - b))
  expect(await open()).toBe(0)
})

test('a row that is written twice is one row, and one message', async () => {
  await written(3)
  await written(3)
  await relay().flush()
  expect((await published()).map(numberOf)).toEqual(numbers(3))
})

test('a row of a transaction that was rolled back is never published', async () => {
  const undone = db.transaction(async (tx) => {
    await enqueue(tx, 'shop', rows(3))
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
  await relay().flush()
  expect(await published()).toEqual([])
})

test('a commit wakes the relay at once', async () => {
  const stop = new AbortController()
  const mine = relay()
  const running = mine.run(stop.signal)
  await written(1)
  await eventually(async () => expect(await published()).toHaveLength(1))
  const took: number[] = []
  for (let n = 1; n <= 5; n++) {
    const began = performance.now()
    await db.transaction(async (tx) => {
      await enqueue(tx, 'shop', rows(1, n))
      mine.wakeAfter(tx)
    })
    await eventually(async () => expect(await published()).toHaveLength(n + 1))
    took.push(performance.now() - began)
  }
  // Without the wake each would wait for the poll of 250 ms, half of it in the mean.
  expect(Math.min(...took)).toBeLessThan(100)
  stop.abort()
  await running
})

test('a relay that dies between publish and mark publishes again under the same ids: nothing is repeated', async () => {
  await written(5)
  const dying: Bus = {
    ...bare(bus),
    publish: (message, options) => bus.publish(message, options).then(() => Promise.reject(new Transient('the process died here'))),
  }
  await relay({ bus: dying, instance: 'first' }).flush()
  expect(await open()).toBe(5)
  await lapse()
  await relay({ instance: 'second' }).flush()
  expect((await published()).map(numberOf)).toEqual(numbers(5))
  expect(await open()).toBe(0)
})

test('two relays at once: one publishes, the other waits for its lease, and none repeats or reorders', async () => {
  const stop = new AbortController()
  const both = ['one', 'two'].map((instance) => relay({ instance, db: database.open(2) }))
  const running = both.map((each) => each.run(stop.signal))
  for (let n = 0; n < 100; n += 10) {
    await written(10, n)
    both[n % 2]?.wake()
  }
  await eventually(async () => expect(await open()).toBe(0))
  expect((await published()).map(numberOf)).toEqual(numbers(100))
  stop.abort()
  await Promise.all(running)
})

test('a frozen relay: its successor takes over when the lease has ended, and after its thaw it publishes nothing of what it held', async () => {
  await written(5)
  const { before, reached, thaw } = freezing()
  const handed: string[] = []
  const noting: Bus = {
    ...bare(bus),
    publish: (message, options) => {
      handed.push(message.id)
      return bus.publish(message, options)
    },
  }
  const frozen = relay({ instance: 'frozen', bus: noting, before }).flush()
  await reached
  await relay({ instance: 'successor' }).flush()
  expect(await published()).toEqual([])

  await lapse()
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11_000 })
  await written(5, 5)
  await relay({ instance: 'successor' }).flush()
  await exec(db, sql`insert into shop.outbox_lease (holder, until) values ('successor', now() + interval '10 seconds')`)
  // As if ids had been forgotten meanwhile: only the lease can keep the old rows back.
  await exec(db, sql`delete from bus.recent`)
  thaw()
  await frozen.finally(() => vi.useRealTimers())
  expect(handed).toEqual([])
  expect((await published()).map(numberOf)).toEqual(numbers(10))
})

test('a flush lets the lease go, so that another instance need not wait for its end', async () => {
  await written(1)
  await relay({ instance: 'leaving' }).flush()
  await written(1, 1)
  await relay({ instance: 'staying' }).flush()
  expect((await published()).map(numberOf)).toEqual([0, 1])
})

test('a row that the bus refuses holds up no other, stays, and is told of', async () => {
  await written(1)
  await db.transaction((tx) => enqueue(tx, 'shop', [{ ...row(1), subject: 'nowhere.at.all' }]))
  await written(1, 2)
  await relay().flush()
  expect((await published()).map(numberOf)).toEqual([0, 2])
  expect(await open()).toBe(1)
  expect(troubles).toContainEqual(expect.objectContaining({ code: 'unroutable' }))
})

test('what must be done with rows before they leave is done before, in their order; while it fails nothing leaves', async () => {
  await written(4)
  const done: string[] = []
  const failing = relay({ before: () => Promise.reject(new Transient('the event store is away')) })
  await expect(failing.flush()).rejects.toThrow('the event store is away')
  expect(await published()).toEqual([])
  await relay({
    before: async (batch) => {
      expect(await published()).toEqual([])
      done.push(...batch.map(({ id }) => id))
    },
  }).flush()
  expect(done).toEqual(numbers(4).map(idOf))
})

test('a running relay drops rows that were published more than seven days ago, and no others', async () => {
  await written(4)
  await exec(db, sql`update shop.outbox set published_at = now() - interval '7 days 1 minute' where data = '{"n":0}'`)
  await exec(db, sql`update shop.outbox set published_at = now() - interval '6 days 23 hours' where data = '{"n":1}'`)
  await exec(db, sql`update shop.outbox set created_at = now() - interval '8 days' where data = '{"n":2}'`)
  const stop = new AbortController()
  const running = relay().run(stop.signal)
  const left = () => many(db, z.object({ data: z.string() }), sql`select data from shop.outbox order by seq`)
  await eventually(async () => expect((await left()).map(numberOf)).toEqual([1, 2, 3]))
  stop.abort()
  await running
  expect((await published()).map(numberOf)).toEqual([2, 3])
})

function relay(over: Partial<RelayOptions> = {}): OutboxRelay {
  return new OutboxRelay({ service: 'shop', db, bus, instance: 'only', onTrouble, ...over })
}

function bare(of: Bus): Bus {
  return {
    ensure: (topology) => of.ensure(topology),
    publish: (message, options) => of.publish(message, options),
    consume: (spec, handler) => of.consume(spec, handler),
    tail: (stream, filter, options) => of.tail(stream, filter, options),
    browse: (stream, filter, from) => of.browse(stream, filter, from),
    depth: (consumers) => of.depth(consumers),
    health: () => of.health(),
    drain: (deadlineMs) => of.drain(deadlineMs),
  }
}

/** Holds a relay between its reading of rows and their publishing. */
function freezing() {
  let thaw: () => void = () => undefined
  let arrive: () => void = () => undefined
  const thawed = new Promise<void>((resolve) => {
    thaw = resolve
  })
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const before = () => {
    arrive()
    return thawed
  }
  return { before, reached, thaw: () => thaw() }
}

function idOf(n: number): string {
  return derivedId(entity, n)
}

function row(n: number): OutboxRow {
  return { id: idOf(n), entityId: entity, subject: `evt.shop.${laneOf(entity)}.${entity}.Sold`, headers: {}, data: `{"n":${n}}` }
}

function rows(count: number, from = 0): readonly OutboxRow[] {
  return Array.from({ length: count }, (_, n) => row(from + n))
}

async function written(count: number, from = 0): Promise<void> {
  await db.transaction((tx) => enqueue(tx, 'shop', rows(count, from)))
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

async function published() {
  return stored(bus, `evt.shop.*.${entity}.Sold`)
}

async function open(): Promise<number> {
  return (await one(db, z.object({ open: z.int() }), sql`select count(*)::int as open from shop.outbox where published_at is null`)).open
}

/** The holder of the lease has not renewed it in time. */
async function lapse(): Promise<void> {
  await exec(db, sql`update shop.outbox_lease set until = now() - interval '1 second'`)
}
