import { BusEvent, PersonActivated } from '@loomworks/contracts'
import { many, one, sql } from '@loomworks/sql'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { induct, memoryBench, newcomer, type SignedUp } from '../memory-bench.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

async function heard(engagement: string): Promise<readonly BusEvent[]> {
  const found = await Array.fromAsync(bench.platform.bus.browse('EVENTS', `evt.memory.*.${engagement}.*`))
  return found.map(({ data }) => BusEvent.parse(JSON.parse(data)))
}

const gateOf = (engagement: string) =>
  one(bench.database.db, z.object({ state: z.string() }), sql`select state from memory.personal_gate where engagement = ${engagement}`)
const waiting = (engagement: string) =>
  many(bench.database.db, z.object({ id: z.string() }), sql`select id from memory.held_event where engagement = ${engagement}`)
const keysOf = (personId: string) =>
  many(bench.database.db, z.object({ key_id: z.string() }), sql`select key_id from memory.holder_key where holder_id = ${personId}`)
const activated = ({ personId, engagementId, sagaId }: SignedUp) =>
  bench.publish(PersonActivated, { personId, personalEngagementId: engagementId, sagaId, claimed: false }, { revision: 0 })

test('nothing of a personal engagement is heard before its person is active; then all of it, in order', async () => {
  const who = newcomer()
  await induct(bench, who)
  await eventually(async () => expect(await waiting(who.engagementId)).toHaveLength(3))
  expect(await heard(who.engagementId)).toEqual([])
  await activated(who)
  const facts = await eventually(async () => {
    const all = await heard(who.engagementId)
    expect(all).toHaveLength(3)
    return all
  })
  expect(facts.map(({ type, revision, prevRevision, data }) => [type, revision, prevRevision, data.type])).toEqual([
    ['MemoryEventRecorded', 0, undefined, 'EngagementOpened'],
    ['MemoryEventRecorded', 1, 0, 'MemoryRecorded'],
    ['MemoryEventRecorded', 2, 1, 'MemoryRecorded'],
  ])
  expect(facts.every(({ data, actor }) => data.personalOwner === who.personId && actor.kind === 'agent')).toBe(true)
  expect(await gateOf(who.engagementId)).toEqual({ state: 'released' })
})

test('an activation that is heard before the engagement was seen lets it pass at once, and told twice it changes nothing', async () => {
  const who = newcomer()
  await activated(who)
  await eventually(async () => expect(await gateOf(who.engagementId)).toEqual({ state: 'released' }))
  await induct(bench, who)
  await eventually(async () => expect(await heard(who.engagementId)).toHaveLength(3))
  await activated(who)
  await bench.restart()
  expect(await heard(who.engagementId)).toHaveLength(3)
})

test('an undone signup is never heard of; its view rows and its keys go', async () => {
  const who = newcomer()
  await induct(bench, who)
  await eventually(async () => expect(await waiting(who.engagementId)).toHaveLength(3))
  expect(await keysOf(who.personId)).toHaveLength(1)
  await induct(bench, who, { dir: 'undo' })
  await eventually(async () => expect(await gateOf(who.engagementId)).toEqual({ state: 'void' }))
  expect(await waiting(who.engagementId)).toEqual([])
  expect(await keysOf(who.personId)).toEqual([])
  await eventually(async () => {
    for (const table of ['engagement', 'current_memory', 'needs_you', 'activity', 'duplicate_mark'])
      expect(
        await many(bench.database.db, z.unknown(), { text: `select 1 from memory.${table}_v1 where engagement = $1`, values: [who.engagementId] }),
      ).toEqual([])
  })
  expect(await heard(who.engagementId)).toEqual([])
})

test('a late do after the tombstone leaves no key behind', async () => {
  const who = newcomer()
  await induct(bench, who, { dir: 'undo' })
  await eventually(async () => expect(await gateOf(who.engagementId)).toEqual({ state: 'void' }))
  expect(await induct(bench, who)).toMatchObject({ outcome: 'refused' })
  expect(await keysOf(who.personId)).toEqual([])
})

test('shared engagements are announced, and their events recorded', async () => {
  const commons = '00000000-0000-0000-0000-000000000002'
  const facts = await eventually(async () => {
    const all = await heard(commons)
    expect(all).toHaveLength(2)
    return all
  })
  expect(facts.map(({ type }) => type)).toEqual(['EngagementOpened', 'MemoryEventRecorded'])
  expect(facts[0]?.data).toEqual({ engagement: commons, visibility: 'automatic', displayIdentifier: 'E0002', openedBy: { kind: 'service', id: 'memory' } })
})
