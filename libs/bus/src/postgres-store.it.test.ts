import { EVENT_TYPES, subjectsOf } from '@loomworks/contracts'
import { newId, ServiceName } from '@loomworks/kernel'
import { type Database, exec, ident, many, one, openDatabase, raw, sql } from '@loomworks/sql'
import { eventually, PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { durable, hearing, hears, idsOf, note, notes, silence, storedOf, TOPOLOGY } from './conformance/bench.ts'
import { PostgresBus } from './postgres.ts'
import { patternOf } from './postgres-consumer.ts'

let database: TestDatabase
let db: Database
let bus: PostgresBus

beforeEach(async () => {
  database = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  db = database.db
  bus = new PostgresBus({ db, onTrouble: () => undefined })
  await bus.ensure(TOPOLOGY)
})

afterEach(async () => {
  await bus.drain(500)
  await database[Symbol.asyncDispose]()
})

test('a message older than its stream keeps goes, with the deliveries that wait for it; younger ones stay', async () => {
  const entity = newId()
  const spec = await durable(bus, entity)
  const sent = notes(entity, 3)
  for (const each of sent) await bus.publish(each)
  await exec(db, sql`update bus.message set published_at = published_at - interval '25 hours' where id = ${sent[0]?.id}`)
  await exec(db, sql`update bus.message set published_at = published_at - interval '23 hours' where id = ${sent[1]?.id}`)
  await expire()
  expect(idsOf(await storedOf(bus, entity))).toEqual(idsOf(sent.slice(1)))
  await using listener = hearing(bus, spec)
  expect(idsOf(await hears(listener, 2))).toEqual(idsOf(sent.slice(1)))
})

test('a stream that grew beyond its size loses its oldest messages, as many as it takes and no more; other streams lose none', async () => {
  const entity = newId()
  const sent = notes(entity, 20).map((each) => ({ ...each, data: JSON.stringify({ text: 'x'.repeat(1000) }) }))
  for (const each of sent) await bus.publish(each)
  await bus.publish({ subject: `saga.rep.${entity}.induct`, id: newId(), data: JSON.stringify({ text: 'x'.repeat(1000) }) })
  await expire()
  const { bytes } = await one(db, z.object({ bytes: z.bigint() }), sql`select bytes from bus.usage where stream = 'EVENTS'`)
  const each = Number(bytes) / 20
  expect(each).toBeGreaterThan(1000)

  await exec(db, sql`update bus.stream set max_bytes = ${Math.floor(each * 12.5)}`)
  await expire()
  expect(idsOf(await storedOf(bus, entity))).toEqual(idsOf(sent.slice(8)))
  await expire()
  const more = notes(entity, 2).map((one) => ({ ...one, data: JSON.stringify({ text: 'x'.repeat(1000) }) }))
  for (const message of more) await bus.publish(message)
  await expire()
  expect(idsOf(await storedOf(bus, entity))).toEqual(idsOf([...sent, ...more].slice(10)))
  expect(await Array.fromAsync(bus.browse('SAGA_REP', `saga.rep.${entity}.induct`))).toHaveLength(1)
})

test('a round of tidying is bounded, and measures what came since the last one', async () => {
  await exec(
    db,
    sql`insert into bus.message (stream, subject, id, headers, data) select 'EVENTS', 'evt.a.0.b.C', n::text, '{}', '{}' from generate_series(1, 12000) n`,
  )
  await exec(db, sql`update bus.stream set max_bytes = 1 where name = 'EVENTS'`)
  const left = async () => (await one(db, z.object({ n: z.int() }), sql`select count(*)::int as n from bus.message`)).n
  expect([await expire(), await left()]).toEqual([10_000n, 2000])
  expect([await expire(), await left()]).toEqual([2000n, 0])
  expect(await expire()).toBe(0n)
  expect(await one(db, z.object({ bytes: z.bigint() }), sql`select bytes from bus.usage where stream = 'EVENTS'`)).toEqual({ bytes: 0n })
})

test('ids are forgotten after the window, and no sooner', async () => {
  const [old, young] = [note(newId()), note(newId())]
  for (const each of [old, young]) await bus.publish(each)
  await exec(db, sql`update bus.recent set at = at - interval '121 seconds' where id = ${old.id}`)
  await expire()
  expect(await many(db, z.object({ id: z.string() }), sql`select id from bus.recent`)).toEqual([{ id: young.id }])
})

test('a service may publish what is its own to say, and reaches no table', async () => {
  for (const service of ServiceName.options) {
    const own = await as(subjectsOf(service))
    const mine = new PostgresBus({ db: own, onTrouble: () => undefined })
    const tried = [
      ...EVENT_TYPES.map((type) => `evt.${type.service}.0.x.${type.name}`),
      ...ServiceName.options.map((name) => `saga.cmd.identity.x.start-${name}.do`),
      'saga.cmd.identity.x.activate.do',
      'saga.cmd.credit.x.reserve.do',
      'saga.rep.x.reserve',
      'dlq.memory.schema',
    ]
    const allowed = tried.filter((subject) => subjectsOf(service).some((filter) => patternOf(filter).test(subject)))
    const stored: string[] = []
    for (const subject of tried) await mine.publish({ subject, id: newId(), data: '{}' }).then(() => stored.push(subject), expectRefused)
    expect(stored).toEqual(allowed)
    for (const table of ['message', 'delivery', 'consumer', 'publisher'])
      await expect(exec(own, sql`select 1 from ${ident(`bus.${table}`)}`)).rejects.toThrow('permission denied')
    await mine.drain(200)
    await own.close()
  }
})

test('a role without a right publishes nothing', async () => {
  const own = await as([])
  const mine = new PostgresBus({ db: own, onTrouble: () => undefined })
  await expect(mine.publish(note(newId()))).rejects.toMatchObject({ code: 'bus.subject_refused' })
  await mine.drain(200)
  await own.close()
})

test('the adapter and its schema read filters alike', async () => {
  const filters = ['evt.>', 'evt.*.0.*.Made', 'saga.cmd.credit.>', 'saga.rep.*.reserve', 'evt.a.0.b.C', '>', '*.b', 'evt.*.0.>', 'evt.a_0.%.>', '*']
  const subjects = [
    'evt',
    'evt.a',
    'evt.a.0.b.C',
    'evt.a.0.b.Made',
    'evt.a.00.b.Made',
    'saga.cmd.credit.x.reserve.do',
    'saga.rep.x.reserve',
    'a.b',
    'a.b.c',
    'evt.a.1.0.C',
    'evt.a_0.%.c',
    'evt.ab0.x.c',
    'evt..0.b.Made',
  ]
  for (const filter of filters) {
    const heard = subjects.filter((subject) => patternOf(filter).test(subject))
    for (const condition of [sql`s ~ bus.pattern_of(${filter})`, sql`bus.takes(${filter}, s)`]) {
      const found = await many(db, z.object({ s: z.string() }), sql`select s from unnest(${subjects}::text[]) s where ${condition}`)
      expect([filter, found.map(({ s }) => s)]).toEqual([filter, heard])
    }
  }
})

test('leases that are released are due at once', async () => {
  const entity = newId()
  const spec = await durable(bus, entity, { ackWaitMs: 60_000, maxPending: 1 })
  const stuck = hearing(bus, spec, silence)
  await bus.publish(note(entity))
  await hears(stuck, 1)
  await exec(db, sql`select bus.release_leases()`)
  const next = new PostgresBus({ db: database.open(2), onTrouble: () => undefined })
  await using listener = hearing(next, spec)
  await eventually(() => expect(listener.heard.map(({ deliveries }) => deliveries)).toEqual([2]))
  await next.drain(500)
})

test('a delivery claimed for a consumer that stopped meanwhile is given back at once', async () => {
  const entity = newId()
  const spec = await durable(bus, entity, { ackWaitMs: 60_000 })
  const leaving = new PostgresBus({ db: database.open(2), onTrouble: () => undefined })
  const first = hearing(leaving, spec)
  const publishing = bus.publish(note(entity))
  await first.stop(1000)
  await publishing
  await using second = hearing(bus, spec)
  await eventually(() => expect(first.heard.length + second.heard.length).toBe(1))
  await leaving.drain(500)
})

test('a message published in another process is with its handler sooner than the poll would find it', async () => {
  const entity = newId()
  const other = new PostgresBus({ db: database.open(2), onTrouble: () => undefined })
  const times = new Map<string, number>()
  await using _ = hearing(other, await durable(bus, entity), ({ id }) => {
    times.set(id, performance.now())
    return 'ack'
  })
  const took: number[] = []
  for (const each of notes(entity, 12)) {
    await bus.publish(each)
    const began = performance.now()
    await eventually(() => expect(times.has(each.id)).toBe(true))
    took.push((times.get(each.id) ?? 0) - began)
  }
  // A poll alone gives 125 ms in the mean.
  expect(took.toSorted((a, b) => a - b)[6]).toBeLessThan(60)
  await other.drain(500)
})

/** The bus tidies by itself too; two at once would leave it to the first, so this waits for that. */
async function expire(): Promise<bigint> {
  return db.transaction(async (tx) => {
    await exec(tx, sql`select pg_advisory_xact_lock(7426003)`)
    return (await one(tx, z.object({ worked: z.bigint() }), sql`select bus.expire() as worked`)).worked
  })
}

async function as(mayPublish: readonly string[]): Promise<Database> {
  const role = `role_${newId().replaceAll('-', '')}`
  await exec(db, sql`create role ${ident(role)} login password ${raw(`'${role}'`)}`)
  await exec(db, sql`grant usage on schema bus to ${ident(role)}`)
  await exec(db, sql`insert into bus.publisher (role, pattern) select ${role}, bus.pattern_of(unnest(${mayPublish}::text[]))`)
  const url = new URL(database.url)
  url.username = role
  url.password = role
  return openDatabase({ url: url.toString(), max: 2, applicationName: role, onError: () => undefined })
}

function expectRefused(error: unknown): void {
  expect(error).toMatchObject({ code: 'bus.subject_refused' })
}
