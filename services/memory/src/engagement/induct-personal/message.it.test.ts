import { readEnvelope, verifyChain } from '@loomworks/event-store'
import { exec, sql } from '@loomworks/sql'
import type { ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { induct, memoryBench, newcomer } from '../../memory-bench.ts'
import { streamOf } from '../stream.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const streamed = async (engagementId: string) => (await Array.fromAsync(bench.platform.eventStore.readStream(streamOf(engagementId)))).map(readEnvelope)

test('a signup gets exactly three events in order, by the agent that approved them, and no text in the clear', async () => {
  const who = newcomer()
  const { outcome, data } = await induct(bench, who)
  expect(outcome).toBe('done')
  const events = await streamed(who.engagementId)
  expect(events.map(({ type, data: { objectType } }) => [type, objectType])).toEqual([
    ['EngagementOpened', 'engagement'],
    ['MemoryRecorded', 'seed'],
    ['MemoryRecorded', 'seed_induction_loop_cycle'],
  ])
  expect(events.every(({ actor }) => actor.kind === 'agent' && actor.id.endsWith('a1'))).toBe(true)
  expect(events[0]?.data).toMatchObject({ visibility: 'personal', state: 'active', owner: who.personId, seed: { object: data?.seed } })
  expect(events[1]?.data).toMatchObject({ object: data?.seed, payload: { initialContributors: [who.personId], shapeTypes: [], renderTypes: [] } })
  expect(events[2]?.data).toMatchObject({ object: data?.cycle, payload: { cycleNumber: 1, convergenceReached: true, openFindingCountAfterCycle: 0 } })
  expect(JSON.stringify(events)).not.toMatch(/Personal knowledge|Companion/)
  expect(verifyChain(events)).toMatchObject({ ok: true, events: 3 })
})

test('ordered again it answers the same, and nothing is appended', async () => {
  const who = newcomer()
  const first = await induct(bench, who)
  const again = await induct(bench, who, { attempt: 2 })
  expect(again).toMatchObject({ outcome: 'done', data: first.data ?? {} })
  expect(await streamed(who.engagementId)).toHaveLength(3)
})

test('an undo voids the engagement, and a repeated do is refused for ever, also without its fence row', async () => {
  const who = newcomer()
  await induct(bench, who)
  expect(await induct(bench, who, { dir: 'undo' })).toMatchObject({ outcome: 'done', data: { effect: 'reversed' } })
  await exec(bench.database.db, sql`delete from memory.saga_fence where saga_id = ${who.sagaId}`)
  expect(await induct(bench, who, { attempt: 2 })).toMatchObject({ outcome: 'refused' })
  expect((await streamed(who.engagementId)).map(({ type }) => type)).toEqual(['EngagementOpened', 'MemoryRecorded', 'MemoryRecorded', 'EngagementVoided'])
})

test('an undo that comes before its do is the tombstone on which a late do breaks', async () => {
  const who = newcomer()
  expect(await induct(bench, who, { dir: 'undo' })).toMatchObject({ outcome: 'done', data: { effect: 'none' } })
  expect(await induct(bench, who)).toMatchObject({ outcome: 'refused' })
  expect(await induct(bench, who, { dir: 'undo', attempt: 2 })).toMatchObject({ outcome: 'done', data: { effect: 'none' } })
  expect((await streamed(who.engagementId)).map(({ type }) => type)).toEqual(['EngagementVoided'])
})

test('do and undo at once leave a voided stream, whoever was first', async () => {
  const crowd = Array.from({ length: 20 }, newcomer)
  await Promise.all(crowd.flatMap((who) => [induct(bench, who), induct(bench, who, { dir: 'undo' })]))
  for (const { engagementId } of crowd) expect((await streamed(engagementId)).at(-1)?.type).toBe('EngagementVoided')
})

test('the administrative engagement, the commons and the sandbox stand from the first start, opened once', async () => {
  await bench.restart()
  for (const tail of ['01', '02', 'e2']) {
    const events = await streamed(`00000000-0000-0000-0000-${tail.padStart(12, '0')}`)
    expect(events.map(({ type, actor }) => [type, actor])).toEqual([['EngagementOpened', { kind: 'service', id: 'memory' }]])
  }
})
