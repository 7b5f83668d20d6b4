// What writes say while the store of events takes none.
import { randomUUID } from 'node:crypto'
import { type Client, eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { memoryBench, person } from '../memory-bench.ts'

let bench: ServiceBench
let client: Client
let held: string
let opened: string
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
  client = (await person(bench)).client
  held = (await client.post(MINE, claim())).body.id
  opened = (await client.post('/engagements', { title: 'Bread' })).body.id
  await eventually(async () => expect((await client.get(MINE)).body.items).toContainEqual(expect.objectContaining({ id: held })))
  await bench.platform.eventStore.close()
})
afterAll(() => bench[Symbol.asyncDispose]())

const MINE = '/engagements/me/memory'
const claim = () => ({ type: 'assertion', class: 'operational', payload: { kind: 'fact', text: randomUUID() } })

test.each([
  ['opens an engagement', () => client.post('/engagements', { title: 'Salt' })],
  ['archives one', () => client.post(`/engagements/${opened}/archive`)],
  ['adds a memory', () => client.post(MINE, claim())],
  ['commits one', () => client.post(`${MINE}/${held}/commit`, { expected_version: 1 })],
  ['takes one back', () => client.post(`${MINE}/${held}/retract`, { reason: 'mistaken' })],
])('who %s is told that it may or may not be written, and when to ask again', async (_, write) => {
  expect(await write()).toMatchObject({ status: 503, body: { code: 'memory.store_unavailable' }, headers: { 'retry-after': '1' } })
  expect((await client.get(`${MINE}/${held}`)).body).toMatchObject({ version: 1, lifetime: { k: 'Drafted' } })
})
