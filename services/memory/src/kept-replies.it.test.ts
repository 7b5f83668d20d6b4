// Writes of memory under an Idempotency-Key (identity page §13.3): an append and a kept reply are two writes, and a crash may come between.
import { newId, Transient } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { type Answer, type Client, eventually, fakeClock, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { memoryBench, person } from './memory-bench.ts'

const MINE = '/engagements/me/memory'
const DAY_MS = 86_400_000
const LEASE_MS = 10_000
const CANARY = 'canary-3f9c: the gate opens at seven'
const clock = fakeClock()

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'), clock)
})
afterAll(() => bench[Symbol.asyncDispose]())

const claim = (text: string, more: object = {}) => ({ type: 'assertion', class: 'operational', payload: { kind: 'fact', text }, ...more })
const keyed = (key: string = newId()) => ({ headers: { 'idempotency-key': key } })
const version = async (client: Client) => (await client.get('/engagements/me')).body.engagement_version
const draft = async (client: Client): Promise<string> => (await client.post(MINE, claim(newId()))).body.id

interface Write {
  /** Sends the write under a key; another time as another request. */
  readonly send: (key: string, other?: boolean) => Promise<Answer>
  readonly client: Client
}
type Making = () => Promise<Write>

const WRITES: readonly (readonly [string, Making])[] = [
  ['a claim', onMine(async (client) => (key, other) => client.post(MINE, claim(other ? 'Other' : CANARY), keyed(key)))],
  ['claims together', onMine(async (client) => (key, other) => client.post(MINE, { items: [claim(CANARY), claim(other ? 'Other' : 'Second')] }, keyed(key)))],
  [
    'a commit',
    onMine(async (client) => {
      const id = await draft(client)
      return (key, other) => client.post(`${MINE}/${id}/commit`, { expected_version: other ? 2 : 1 }, keyed(key))
    }),
  ],
  [
    'a retraction',
    onMine(async (client) => {
      const id = await draft(client)
      return (key, other) => client.post(`${MINE}/${id}/retract`, { reason: other ? 'mistaken' : 'withdrawn' }, keyed(key))
    }),
  ],
  ['an opening', onMine(async (client) => (key, other) => client.post('/engagements', { title: other ? 'Other' : CANARY }, keyed(key)))],
  [
    'an end',
    onMine(async (client) => {
      const [one, two] = [(await client.post('/engagements', { title: CANARY })).body.id, (await client.post('/engagements', { title: 'Two' })).body.id]
      return (key, other) => client.post(`/engagements/${other ? two : one}/archive`, undefined, keyed(key))
    }),
  ],
]

function onMine(making: (client: Client) => Promise<Write['send']>): Making {
  return async () => {
    const { client } = await person(bench)
    return { client, send: await making(client) }
  }
}

const Row = z.looseObject({ status: z.int().nullable(), text: z.string() })
const rows = () => many(bench.database.db, Row, sql`select status, to_jsonb(k)::text as text from memory.idempotency_key k`)
const appended = async () => (await one(bench.database.db, z.object({ n: z.int() }), sql`select count(*)::int as n from event_store.event`)).n

describe.each(WRITES)('%s under an Idempotency-Key', (_, making) => {
  test('happens once, and who repeats it is told the same', async () => {
    const { send } = await making()
    const key = newId()
    const first = await send(key)
    expect([first.status, first.headers['idempotency-replayed']]).toEqual([expect.toSatisfy((status) => status === 200 || status === 201), undefined])
    const before = await appended()
    const again = await send(key)
    expect([again.status, again.body, again.headers['idempotency-replayed']]).toEqual([first.status, first.body, 'true'])
    expect(again.headers['loom-position']).toBe(first.headers['loom-position'])
    expect(await appended()).toBe(before)
  })

  test('is not done under the key of another', async () => {
    const { send } = await making()
    const key = newId()
    await send(key)
    const before = await appended()
    expect(await send(key, true)).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } })
    expect(await appended()).toBe(before)
  })

  test('waits while somebody is at work on it', async () => {
    const { send } = await making()
    const key = newId()
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(key)))
    const done = answers.filter(({ status }) => status < 300)
    expect(done.length).toBeGreaterThan(0)
    for (const { status, body, headers } of answers)
      if (status >= 300) expect([status, body.code, headers['retry-after']]).toEqual([409, 'idempotency.in_flight', '1'])
    for (const { body } of done) expect(body).toEqual(done[0]?.body)
    await exec(
      bench.database.db,
      sql`update memory.idempotency_key
             set status = null, reply = null, leased_until = ${new Date(clock.now() + LEASE_MS).toISOString()}`,
    )
    const before = await appended()
    expect(await send(key)).toMatchObject({ status: 409, body: { code: 'idempotency.in_flight' } })
    expect(await send(key, true)).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } })
    expect(await appended()).toBe(before)
  })

  test('is completed by the repeat where a crash came between the append and the kept reply', async () => {
    const { send } = await making()
    const key = newId()
    const { db } = bench.database
    await exec(db, sql`alter table memory.idempotency_key add constraint crash check (status is null) not valid`)
    const crashed = await send(key)
    await exec(db, sql`alter table memory.idempotency_key drop constraint crash`)
    expect(crashed.status).toBe(500)
    const before = await appended()
    expect(await send(key)).toMatchObject({ status: 409, body: { code: 'idempotency.in_flight' } })
    clock.advance(LEASE_MS)
    expect(await send(key, true)).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } })
    const repaired = await send(key)
    expect([repaired.status, repaired.headers['idempotency-replayed']]).toEqual([expect.toSatisfy((status) => status === 200 || status === 201), undefined])
    expect(JSON.stringify(repaired.body)).not.toContain('duplicate')
    expect(await appended()).toBe(before)
    expect(await send(key)).toMatchObject({ status: repaired.status, body: repaired.body, headers: { 'idempotency-replayed': 'true' } })
  })
})

test('nothing of what was written is kept with the reply, and neither is the key', async () => {
  const { client } = await person(bench)
  const key = newId()
  const { body } = await client.post(MINE, claim(CANARY), keyed(key))
  await client.post(MINE, { items: [claim(`${CANARY} one`), claim(`${CANARY} two`)] }, keyed(key.replace('0', '1')))
  await client.post('/engagements', { title: CANARY }, keyed(key))
  const all = (await rows()).map(({ text }) => text).join('\n')
  expect(all).toContain(body.id)
  expect(all).not.toContain('canary')
  expect(all).not.toContain(key)
})

test('what was refused was not done: its key is free for what is asked next', async () => {
  const { client } = await person(bench)
  const key = newId()
  const refused = await client.post(MINE, claim('Tea', { sources: [{ engagement: newId(), object: newId() }] }), keyed(key))
  expect(refused).toMatchObject({ status: 422, body: { code: 'memory.sources_unknown' } })
  expect(await client.post(MINE, claim('Tea'), keyed(key))).toMatchObject({ status: 201 })
})

test('what the store did not answer for waits for the same request, which does it', async () => {
  const { client } = await person(bench)
  const key = newId()
  const { eventStore } = bench.platform
  const append = eventStore.append.bind(eventStore)
  eventStore.append = () => Promise.reject(new Transient('no answer'))
  const failed = await client.post(MINE, claim('Tea'), keyed(key)).finally(() => {
    eventStore.append = append
  })
  expect(failed).toMatchObject({ status: 503, body: { code: 'memory.store_unavailable' } })
  expect(await client.post(MINE, claim('Milk'), keyed(key))).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } })
  expect(await client.post(MINE, claim('Tea'), keyed(key))).toMatchObject({ status: 201 })
})

test('a key is the caller’s own: another’s is another', async () => {
  const [ada, bob] = [await person(bench), await person(bench)]
  const key = newId()
  const [a, b] = [await ada.client.post(MINE, claim('Tea'), keyed(key)), await bob.client.post(MINE, claim('Milk'), keyed(key))]
  expect([a.status, b.status, a.body.id === b.body.id]).toEqual([201, 201, false])
})

test('who is no member any more is told nothing again', async () => {
  const { client, personId, engagementId } = await person(bench)
  const key = newId()
  const { body } = await client.post('/engagements', { title: 'Ours' })
  const send = () => client.post(`/engagements/${body.id}/memory`, claim('Tea'), keyed(key))
  expect((await send()).status).toBe(201)
  await exec(bench.database.db, sql`update memory.membership_v1 set active = false, revision = 9 where engagement = ${body.id} and principal_id = ${personId}`)
  expect(await send()).toMatchObject({ status: 404, body: { code: 'memory.engagement_not_found' } })
  expect(engagementId).not.toBe(body.id)
})

test('after a day a key is new: what was done is not told again, and another request is another command', async () => {
  const { client } = await person(bench)
  const key = newId()
  const first = await client.post(MINE, claim('Tea'), keyed(key))
  clock.advance(DAY_MS)
  const next = await client.post(MINE, claim('Milk'), keyed(key))
  expect([next.status, next.headers['idempotency-replayed'], next.body.id === first.body.id]).toEqual([201, undefined, false])
  await eventually(async () => expect(await version(client)).toBe(5))
  expect((await rows()).length).toBeLessThanOrEqual(20 + 1)
})
