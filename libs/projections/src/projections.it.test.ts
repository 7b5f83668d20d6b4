import { newEvents, PostgresEventStore, readEnvelope } from '@loomworks/event-store'
import { type Caller, type Fact, newId, Terminal } from '@loomworks/kernel'
import { type Database, exec, many, one, raw, sql } from '@loomworks/sql'
import { eventually, PLATFORM_SCHEMAS, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { batchProjection, feedProjection, type Projection, ProjectionRunner, rebuildRows, rowProjection } from './index.ts'

type Noted =
  | { type: 'Opened'; data: { room: string } }
  | { type: 'Said'; data: { room: string; guests: readonly string[] } }
  | { type: 'Closed'; data: { room: string } }

const Seat = z.object({ room: z.string(), guest: z.string(), visits: z.int(), last: z.string() })
const seats = rowProjection<Noted, z.output<typeof Seat>>({
  table: 'seat',
  version: 1,
  row: Seat,
  key: ['room', 'guest'],
  streams: ['room-'],
  verifyChain: true,
  keys: (event) => (event.type === 'Said' ? event.data.guests.map((guest) => [event.data.room, guest]) : []),
  fold: (row, event, { key, at }) => (event.type === 'Said' ? { room: event.data.room, guest: key[1] ?? '', visits: (row?.visits ?? 0) + 1, last: at } : row),
})

const Room = z.object({ room: z.string(), words: z.int(), version: z.int() })
const rooms = rowProjection<Noted, z.output<typeof Room>>({
  table: 'room',
  version: 1,
  row: Room,
  key: ['room'],
  streams: ['room-'],
  keys: (event) => [event.data.room],
  fold(row, event, { revision }) {
    if (event.type === 'Opened') return { room: event.data.room, words: 0, version: 0 }
    if (event.type === 'Closed') return undefined
    return row && { ...row, words: row.words + event.data.guests.length, version: Number(revision) }
  },
})

let database: Awaited<ReturnType<typeof testDatabase>>
let db: Database
let store: PostgresEventStore

beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  db = database.db
  await exec(db, raw(TABLES))
})

beforeEach(async () => {
  await exec(
    db,
    raw('truncate event_store.event, hall.seat_v1, hall.room_v1, hall.projection_checkpoint, hall.projection_lease, hall.projection_instance restart identity'),
  )
  store = new PostgresEventStore({ db, onTrouble: () => undefined })
  return () => store.close()
})

afterAll(() => database[Symbol.asyncDispose]())

test('events become rows, several of one event, and a row ends when its fold gives none', async () => {
  await using _ = running([seats, rooms])
  await append('room-a', [opened('a'), said('a', 'ada', 'bob'), said('a', 'ada')])
  await append('room-b', [opened('b'), said('b', 'ada'), closed('b')])
  await seen([seats, rooms], 6)
  expect(await seatRows()).toMatchObject([
    { room: 'a', guest: 'ada', visits: 2 },
    { room: 'a', guest: 'bob', visits: 1 },
    { room: 'b', guest: 'ada', visits: 1 },
  ])
  expect(await roomRows()).toEqual([{ room: 'a', words: 3, version: 2 }])
})

test('events delivered twice count once', async () => {
  await append('room-a', [opened('a'), said('a', 'ada'), said('a', 'ada')])
  await project([seats], 3)
  const before = await seatRows()
  await exec(db, sql`update hall.projection_checkpoint set position = 0`)
  await project([seats], 3)
  expect(await seatRows()).toEqual(before)
})

test('a batch reads the rows that it touches and no others, however many there are', async () => {
  const filled = sql`insert into hall.seat_v1 (room, guest, visits, last, position) select 'full', n::text, 1, '', 0 from generate_series(1, 3000) n`
  await exec(db, filled)
  await append('room-a', [said('a', 'ada', 'bob'), said('a', 'ada')])
  const events = (await Array.fromAsync(store.readStream('room-a'))).map(projected)
  const scanned = sql`select seq_tup_read as rows from pg_stat_xact_user_tables where relname = 'seat_v1'`
  await db.transaction(async (tx) => {
    const before = await one(tx, z.object({ rows: z.bigint() }), scanned)
    await seats.apply(tx, events, 'hall')
    expect(await one(tx, z.object({ rows: z.bigint() }), scanned)).toEqual(before)
  })
  expect((await seatRows()).filter(({ room }) => room === 'a')).toMatchObject([{ visits: 2 }, { visits: 1 }])
})

test('two instances with one checkpoint count each event once', async () => {
  const list = Array.from({ length: 40 }, (_, n) => `room-${n}`)
  {
    await using _first = running([rooms, seats], 'first')
    await using _second = running([rooms, seats], 'second')
    for (const stream of list) await append(stream, [opened(stream), said(stream, 'ada'), said(stream, 'ada', 'bob')])
    await seen([rooms, seats], list.length * 3)
  }
  expect((await roomRows()).every(({ words }) => words === 3)).toBe(true)
  expect((await seatRows()).reduce((sum, { visits }) => sum + visits, 0)).toBe(list.length * 3)
})

test('two instances share the projections, and who stays takes over from who leaves', async () => {
  await using _first = running([rooms, seats], 'first')
  await using stack = new AsyncDisposableStack()
  await eventually(async () => expect(await holders()).toEqual(['first', 'first']))
  stack.use(running([rooms, seats], 'second'))
  await eventually(async () => expect(await holders()).toEqual(['first', 'second']))
  await append('room-a', [opened('a'), said('a', 'ada')])
  await seen([rooms, seats], 2)
  await stack.disposeAsync()
  await eventually(async () => expect(await holders()).toEqual(['first', 'first']))
})

test('an instance that is gone without a word is followed when its leases have run out', async () => {
  const gone = sql`insert into hall.projection_lease (name, holder, until) select unnest(${['room_v1', 'seat_v1']}::text[]), 'gone', clock_timestamp() + interval '1 s'`
  await exec(db, gone)
  await using _ = running([rooms, seats], 'only')
  await append('room-a', [opened('a')])
  await seen([rooms, seats], 1)
  expect(await holders()).toEqual(['only', 'only'])
})

test('two instances that both believe they hold the lease count each event once', async () => {
  await using _first = running([rooms], 'first')
  await using _second = running([rooms], 'second')
  for (let n = 0; n < 40; n++) {
    await append(`room-${n}`, [opened(`${n}`), said(`${n}`, 'ada')])
    // The one that waits takes it at once; the other hears of that at its next round.
    await exec(db, sql`update hall.projection_lease set holder = null`)
    await append(`room-${n}`, [said(`${n}`, 'bob')])
  }
  await seen([rooms], 120)
  expect((await roomRows()).every(({ words }) => words === 2)).toBe(true)
})

test('a checkpoint that is set back while the projection runs is read on from there', async () => {
  await using _ = running([rooms])
  await append('room-a', [opened('a'), said('a', 'ada')])
  await seen([rooms], 2)
  await exec(db, sql`delete from hall.room_v1`)
  await exec(db, sql`update hall.projection_checkpoint set position = 0`)
  await append('room-b', [opened('b')])
  await seen([rooms], 3)
  expect(await roomRows()).toHaveLength(2)
})

test('however the log is cut into batches, the rows are the same', async () => {
  for (let n = 0; n < 30; n++) await append(`room-${n % 3}`, n < 3 ? [opened(`${n}`)] : [said(`${n % 3}`, 'ada', `guest-${n}`)])
  const all = await Array.fromAsync(store.readAll({ prefixes: ['room-'] }))
  const folds = [1, 2, 7, 30].map((size) => {
    const rows = new Map()
    for (let from = 0; from < all.length; from += size) seats.foldInto(rows, all.slice(from, from + size).map(projected))
    return [...rows.values()].map(({ row }) => row)
  })
  await project([seats], 30)
  const stored = await seatRows()
  for (const rows of folds) expect(rows.toSorted(bySeat)).toEqual(stored.toSorted(bySeat))
})

test('an event that cannot be applied stops its projection there, and no other', async () => {
  const applied: string[] = []
  const fragile = batchProjection<Noted>({
    name: 'fragile',
    streams: ['room-'],
    apply: async (_tx, events) => {
      if (events.some(({ event }) => event.type === 'Closed')) throw new Terminal('fragile.broken')
      applied.push(...events.map(({ event }) => event.type))
    },
  })
  await append('room-a', [opened('a'), said('a', 'ada'), closed('a'), opened('a')])
  await using runner = running([fragile, rooms])
  await seen([rooms], 4)
  const standing = await eventually(() => stoppedOf(runner.lag()))
  expect(standing).toMatchObject({ name: 'fragile', position: '2', stopped: { stream: 'room-a', revision: 2n } })
  expect(applied).toEqual(['Opened', 'Said'])
})

test('projections of the same streams commit what they are given together in one transaction', async () => {
  await append('room-a', [opened('a'), said('a', 'ada'), said('a', 'bob')])
  await using _ = running([rooms, seats])
  await seen([rooms, seats], 3)
  const writers = await many(
    db,
    z.object({ xid: z.string() }),
    sql`select xmin::text as xid from hall.projection_checkpoint union select xmin::text from hall.room_v1 union select xmin::text from hall.seat_v1`,
  )
  expect(writers).toHaveLength(1)
})

test('an event changed after it was stored stops the projection that follows the chain', async () => {
  await append('room-a', [opened('a'), said('a', 'ada'), said('a', 'bob')])
  await exec(db, sql`update event_store.event set body = replace(body, '"ada"', '"eve"') where revision = 1`)
  await using runner = running([seats])
  const standing = await eventually(() => stoppedOf(runner.lag()))
  expect(standing).toMatchObject({ stopped: { revision: 1n, error: { code: 'projection.chain_broken' } } })
  expect(await seatRows()).toEqual([])
})

test('trouble that passes is tried again, and nothing is lost', async () => {
  await using _ = running([rooms, seats])
  for (let n = 0; n < 20; n++) {
    await append(`room-${n}`, [opened(`${n}`), said(`${n}`, 'ada')])
    if (n % 5 === 0) await exec(db, sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
  }
  await seen([rooms, seats], 40)
  expect(await roomRows()).toHaveLength(20)
})

test('a feed writes its outbox rows once, however often its events come, and says so in the transaction', async () => {
  let told = 0
  const feed = feedProjection<Noted>({
    name: 'feed',
    streams: ['room-'],
    rows: ({ event, envelope, stream }) => (event.type === 'Said' ? [{ id: envelope.id, entityId: stream, subject: 'evt.hall', headers: {}, data: '{}' }] : []),
    onRows: (tx) => tx.afterCommit(() => told++),
  })
  await append('room-a', [opened('a'), said('a', 'ada'), said('a', 'bob')])
  await project([feed], 3)
  await exec(db, sql`update hall.projection_checkpoint set position = 0`)
  await project([feed], 3)
  const { count } = await one(db, z.object({ count: z.bigint() }), sql`select count(*) as count from hall.outbox`)
  expect(count).toBe(2n)
  expect(told).toBeGreaterThanOrEqual(2)
})

test('what does not concern a projection costs no transaction, and its checkpoint passes it with the next event that does', async () => {
  const batches: number[] = []
  const closings = batchProjection<Noted>({
    name: 'closings',
    streams: ['room-'],
    concerns: ({ type }) => type === 'Closed',
    apply: async (_tx, events) => void batches.push(events.length),
  })
  await append('room-a', [opened('a'), said('a', 'ada'), said('a', 'bob')])
  await using runner = running([closings, rooms])
  await seen([rooms], 3)
  expect(runner.lag().find(({ name }) => name === 'closings')).toMatchObject({ position: '0', behindEvents: 0 })
  await append('room-a', [closed('a')])
  await seen([closings], 4)
  expect(batches).toEqual([1])
})

test('rows dropped and rebuilt while writes continue are the same rows', async () => {
  for (let n = 0; n < 50; n++) await append(`room-${n}`, [opened(`${n}`), said(`${n}`, 'ada', 'bob'), ...(n % 7 === 0 ? [closed(`${n}`)] : [])])
  await using _ = running([rooms])
  await seen([rooms], 108)
  await exec(db, sql`delete from hall.room_v1 where words > 0`)
  const writing = (async () => {
    for (let n = 50; n < 150; n++) await append(`room-${n}`, [opened(`${n}`), said(`${n}`, 'ada')])
  })()
  const rebuilt = await rebuildRows(rooms, { eventStore: store, db, schema: 'hall' })
  await writing
  await seen([rooms], 308)
  expect(rebuilt.corrected).toBeGreaterThanOrEqual(42)
  const rows = await roomRows()
  expect(rows).toHaveLength(142)
  expect(await rebuildRows(rooms, { eventStore: store, db, schema: 'hall' })).toEqual({ events: 308, rows: 142, corrected: 0 })
  expect(await roomRows()).toEqual(rows)
})

function running(projections: readonly Projection[], instance = 'only') {
  const stop = new AbortController()
  const runner = new ProjectionRunner({
    eventStore: store,
    db,
    schema: 'hall',
    projections,
    instance,
    onTrouble: () => undefined,
    log: { error: () => undefined },
  })
  const run = runner.run(stop.signal)
  return {
    lag: () => runner.lag(),
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await run
    },
  }
}

async function holders(): Promise<readonly (string | null)[]> {
  const rows = await many(db, z.object({ holder: z.string().nullable() }), sql`select holder from hall.projection_lease order by holder`)
  return rows.map(({ holder }) => holder)
}

async function project(projections: readonly Projection[], position: number): Promise<void> {
  await using _ = running(projections)
  await seen(projections, position)
}

async function seen(projections: readonly Projection[], position: number): Promise<void> {
  await eventually(async () => {
    for (const { name } of projections) {
      const row = await one(db, z.object({ position: z.bigint() }), sql`select position from hall.projection_checkpoint where name = ${name}`)
      expect(Number(row.position)).toBeGreaterThanOrEqual(position)
    }
  })
}

function stoppedOf(standings: ReturnType<ProjectionRunner['lag']>) {
  const found = standings.find(({ stopped }) => stopped !== undefined)
  if (found === undefined) throw new Error('none has stopped')
  return found
}

async function append(stream: string, facts: readonly Fact[]): Promise<void> {
  const last = (await Array.fromAsync(store.readStream(stream, { direction: 'backward', limit: 1 })))[0]
  const events = await newEvents(stream, facts, { caller: caller(), at: '2030-01-02T03:04:05.678Z', ...(last && { head: readEnvelope(last).hash }) })
  expect(await store.append(stream, events, last?.revision ?? 'no_stream')).toMatchObject({ ok: true })
}

function caller(): Caller {
  const commandId = newId<'command'>()
  return {
    actor: { kind: 'service', id: 'operator' },
    commandId,
    correlationId: commandId,
    causationId: commandId,
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  }
}

function projected(stored: Parameters<typeof readEnvelope>[0] & { stream: string; revision: bigint; position: string }) {
  const envelope = readEnvelope(stored)
  return { event: envelope, envelope, at: envelope.at, actor: envelope.actor, stream: stored.stream, revision: stored.revision, position: stored.position }
}

function bySeat(a: z.output<typeof Seat>, b: z.output<typeof Seat>): number {
  return `${a.room}/${a.guest}`.localeCompare(`${b.room}/${b.guest}`)
}

const seatRows = () => many(db, Seat, sql`select room, guest, visits, last from hall.seat order by room, guest`)
const roomRows = () => many(db, Room, sql`select room, words, version from hall.room order by room`)

function opened(room: string): Noted {
  return { type: 'Opened', data: { room } }
}
function said(room: string, ...guests: readonly string[]): Noted {
  return { type: 'Said', data: { room, guests } }
}
function closed(room: string): Noted {
  return { type: 'Closed', data: { room } }
}

const TABLES = `
  create schema hall;
  create table hall.projection_checkpoint (name text primary key, position bigint not null, instance text, moved_at timestamptz not null default now());
  create table hall.projection_lease (name text primary key, holder text, until timestamptz);
  create table hall.projection_instance (instance text primary key, seen_at timestamptz not null);
  create table hall.seat_v1 (room text, guest text, visits integer not null, last text not null, position bigint not null, primary key (room, guest));
  create view hall.seat as select room, guest, visits, last from hall.seat_v1;
  create table hall.room_v1 (room text primary key, words integer not null, version integer not null, position bigint not null);
  create table hall.outbox (seq bigint generated always as identity primary key, id uuid not null unique, entity_id text not null, revision bigint,
    stream text, subject text not null, headers jsonb not null, data text not null);
  create view hall.room as select room, words, version from hall.room_v1;
`
