// What holds for the whole log and everything made from it, whoever wrote and however often it was read.
import { randomUUID } from 'node:crypto'
import { BusEvent } from '@loomworks/contracts'
import { readEnvelope, verifyChain } from '@loomworks/event-store'
import { rebuildRows } from '@loomworks/projections'
import { exec, many, one, sql } from '@loomworks/sql'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { activity } from '../activity/projection.ts'
import { currentMemory } from '../current-memory/projection.ts'
import { engagementCards } from '../engagement-card/projection.ts'
import { induct, member, memoryBench, newcomer, person } from '../memory-bench.ts'
import { needsYou } from '../needs-you/projection.ts'
import { EVENT_DATA } from './events.ts'
import { streamOf } from './stream.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const COMMONS = '00000000-0000-0000-0000-000000000002'
const MINE = '/engagements/me/memory'
const CANARY = `canary-${randomUUID()}`
const claim = (text: string, extra: object = {}) => ({
  type: 'assertion',
  class: 'operational',
  payload: { kind: 'fact', text, note: `${text} noted` },
  ...extra,
})
const TABLES = ['engagement_v1', 'current_memory_v1', 'needs_you_v1', 'activity_v1', 'duplicate_mark_v1'] as const

/** Everything there is in a table, whatever its columns. */
const rowsIn = async (table: string) =>
  (await bench.database.db.query({ text: `select to_jsonb(t) as row from ${table} t order by to_jsonb(t)::text`, values: [] })).rows

/** Writes what concerns every projection, and gives its place in the log. */
async function marker(): Promise<bigint> {
  const { client, personId } = await person(bench)
  member(bench, personId, COMMONS, { designations: ['operator'] })
  const { id } = (await client.post('/engagements/E2/memory', claim(randomUUID(), { commit: true }))).body
  const supersedes = [{ ref: { engagement: COMMONS, object: id } }]
  const { headers } = await client.post('/engagements/E2/memory', claim(randomUUID(), { commit: true, supersedes }))
  return BigInt(String(headers['loom-position']))
}

async function passed(position: bigint): Promise<void> {
  await eventually(async () => {
    const { behind } = await one(
      bench.database.db,
      z.object({ behind: z.bigint() }),
      sql`select count(*) as behind from memory.projection_checkpoint where position < ${position} - 1`,
    )
    expect(behind).toBe(0n)
  })
}

/** Some of everything: drafts, commits, ends, a shared engagement, one that is opened and archived, an undone signup. */
async function livedIn(): Promise<bigint> {
  const [ada, bob] = [await person(bench), await person(bench)]
  for (const { personId } of [ada, bob]) member(bench, personId, COMMONS, { designations: ['operator'] })
  for (const { client } of [ada, bob]) {
    for (const at of [MINE, '/engagements/E2/memory']) {
      const old = (await client.post(at, claim(`${CANARY} ${randomUUID()}`, { commit: true }))).body
      await client.post(at, claim(`${CANARY} ${randomUUID()}`, { commit: true, supersedes: [{ ref: { engagement: old.engagement, object: old.id } }] }))
      const held = (await client.post(at, { items: [claim(`${CANARY} ${randomUUID()}`), claim(`${CANARY} ${randomUUID()}`, { class: 'personal' })] })).body
      await client.post(`${at}/${held.items[0].id}/retract`, { reason: 'mistaken' })
    }
  }
  const { id } = (await ada.client.post('/engagements', { title: CANARY })).body
  await ada.client.post(`/engagements/${id}/memory`, claim(`${CANARY} ${randomUUID()}`))
  await ada.client.post(`/engagements/${id}/archive`)
  const gone = newcomer()
  await induct(bench, gone)
  await induct(bench, gone, { dir: 'undo' })
  const end = await marker()
  await passed(end)
  return end
}

test('M-INV-1: whatever is delivered again, and however it is rebuilt, the rows are the same', async () => {
  const end = await livedIn()
  const before = new Map(await Promise.all(TABLES.map(async (table) => [table, await rowsIn(`memory.${table}`)] as const)))
  const outbox = await rowsIn('(select id, subject, data from memory.outbox)')
  await bench.service.stop(5000)
  await exec(bench.database.db, sql`update memory.projection_checkpoint set position = 0`)
  await bench.restart()
  await passed(end)
  for (const table of TABLES) expect(await rowsIn(`memory.${table}`)).toEqual(before.get(table))
  expect(await rowsIn('(select id, subject, data from memory.outbox)')).toEqual(outbox)
  for (const projection of [engagementCards, currentMemory, needsYou, activity]) {
    await exec(bench.database.db, { text: `delete from memory.${projection.name}`, values: [] })
    await rebuildRows(projection, { eventStore: bench.platform.eventStore, db: bench.database.db, schema: 'memory' })
    expect(await rowsIn(`memory.${projection.name}`)).toEqual(before.get(projection.name as (typeof TABLES)[number]))
  }
})

test("M-INV-2: an engagement's version is the revision of its last event and one", async () => {
  const { client, engagementId } = await person(bench)
  await client.post(MINE, claim(randomUUID(), { commit: true }))
  await passed(await marker())
  const events = await Array.fromAsync(bench.platform.eventStore.readStream(streamOf(engagementId)))
  expect((await client.get('/engagements/me')).body.engagement_version).toBe(Number(events.at(-1)?.revision) + 1)
})

test('M-INV-8: no free text stands outside `sealed`, in no event, row, message or fence', async () => {
  await livedIn()
  const tables = await many(
    bench.database.db,
    z.object({ name: z.string() }),
    sql`select table_schema || '.' || quote_ident(table_name) as name from information_schema.tables where table_type = 'BASE TABLE' and table_schema in ('memory', 'bus', 'event_store')`,
  )
  expect(tables.length).toBeGreaterThan(15)
  for (const { name } of tables) expect(JSON.stringify(await rowsIn(name))).not.toMatch(new RegExp(`${CANARY}|Personal knowledge|noted`))
})

test('every event fits the closed schema of its type: ids, words, numbers and times, nothing beside them', async () => {
  await livedIn()
  let seen = 0
  for await (const stored of bench.platform.eventStore.readAll({ prefixes: ['engagement-'] })) {
    const { type, data } = readEnvelope(stored)
    expect(EVENT_DATA[type as keyof typeof EVENT_DATA].safeParse(data)).toMatchObject({ success: true })
    seen++
  }
  expect(seen).toBeGreaterThan(40)
})

test('M-INV-9: each stream is one chain, and an event that is changed is found', async () => {
  const { client, engagementId } = await person(bench)
  await client.post(MINE, claim(randomUUID(), { commit: true }))
  const events = (await Array.fromAsync(bench.platform.eventStore.readStream(streamOf(engagementId)))).map(readEnvelope)
  expect(verifyChain(events)).toMatchObject({ ok: true, events: 5 })
  const changed = events.with(3, { ...events[3], at: '2000-01-01T00:00:00.000Z' } as (typeof events)[number])
  expect(verifyChain(changed)).toMatchObject({ ok: false, firstBad: { index: 3 } })
})

test('M-INV-12: twenty who write at once to one engagement lose nothing', async () => {
  const { client, engagementId } = await person(bench)
  const each = Number(process.env.WRITES ?? 10)
  const writer = async () => {
    for (let n = 0; n < each; n++) expect((await client.post(MINE, claim(randomUUID(), { commit: true }))).status).toBe(201)
  }
  await Promise.all(Array.from({ length: 20 }, writer))
  const events = await Array.fromAsync(bench.platform.eventStore.readStream(streamOf(engagementId)))
  const numbers = events
    .map(readEnvelope)
    .flatMap(({ type, data }) => (type === 'MemoryAdded' ? [(data.payload as { displayNumber: number }).displayNumber] : []))
  expect(numbers).toEqual(Array.from({ length: 20 * each }, (_, n) => n + 1))
})

test('what was appended while nobody projected is seen after the start, and published once', async () => {
  const { client, engagementId } = await person(bench)
  await eventually(async () => expect(await Array.fromAsync(bench.platform.bus.browse('EVENTS', `evt.memory.*.${engagementId}.*`))).toHaveLength(3))
  await exec(bench.database.db, sql`update memory.projection_checkpoint set position = position - 3 where name = 'audit_feed_v1'`)
  const { id } = (await client.post(MINE, claim(randomUUID()))).body
  await bench.restart()
  const published = await eventually(async () => {
    const found = (await Array.fromAsync(bench.platform.bus.browse('EVENTS', `evt.memory.*.${engagementId}.*`))).map(({ data }) =>
      BusEvent.parse(JSON.parse(data)),
    )
    expect(found.at(-1)?.data.object).toBe(id)
    return found
  })
  expect(published.map(({ revision }) => revision)).toEqual([0, 1, 2, 3])
  expect(published.map(({ prevRevision }) => prevRevision)).toEqual([undefined, 0, 1, 2])
})
