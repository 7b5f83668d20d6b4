import { randomUUID } from 'node:crypto'
import { newId } from '@loomworks/kernel'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { member, memoryBench, person } from '../memory-bench.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const COMMONS_ID = '00000000-0000-0000-0000-000000000002'
const COMMONS = '/engagements/E0002/memory'
const MINE = '/engagements/me/memory'
const claim = (extra: object = {}) => ({ type: 'assertion', class: 'operational', payload: { kind: 'fact', text: randomUUID() }, ...extra })
const ids = (body: { items: readonly { id: string }[] }) => body.items.map(({ id }) => id)

async function contributor(designation = 'contributor') {
  const who = await person(bench)
  member(bench, who.personId, COMMONS_ID, { designations: [designation] })
  return who
}

test('a list shows what the engagement holds, newest first, page by page, with its texts', async () => {
  const { client } = await person(bench)
  const made: string[] = []
  for (let n = 0; n < 5; n++) made.unshift((await client.post(MINE, claim({ payload: { kind: 'fact', text: `text ${n}` } }))).body.id)
  const first = await eventually(async () => {
    const { body } = await client.get(`${MINE}?limit=3`)
    expect(ids(body)).toEqual(made.slice(0, 3))
    return body
  })
  expect(first.items[0].payload).toEqual({ kind: 'fact', text: 'text 4' })
  const second = (await client.get(`${MINE}?limit=3&cursor=${first.next_cursor}`)).body
  expect(ids(second).slice(0, 2)).toEqual(made.slice(3))
  const third = (await client.get(`${MINE}?limit=3&cursor=${second.next_cursor}`)).body
  expect([...second.items.slice(2), ...third.items].map(({ type }: { type: string }) => type).sort()).toEqual([
    'engagement',
    'seed',
    'seed_induction_loop_cycle',
  ])
  expect(third.next_cursor).toBeNull()
})

test('a list is narrowed by type, lifetime and class', async () => {
  const { client } = await person(bench)
  const { body } = await client.post(MINE, claim({ class: 'personal', commit: true }))
  await client.post(MINE, claim())
  await eventually(async () => expect(ids((await client.get(`${MINE}?type=assertion`)).body)).toHaveLength(2))
  expect(ids((await client.get(`${MINE}?type=assertion&lifetime=Active`)).body)).toEqual([body.id])
  expect(ids((await client.get(`${MINE}?class=personal`)).body)).toEqual([body.id])
  expect(ids((await client.get(`${MINE}?lifetime=Retracted`)).body)).toEqual([])
})

test.each(['?asOf=1', '?lifetime=Gone', '?limit=0', '?limit=101', '?cursor=abc', '?hat=x'])('a list asked with %s is refused', async (query) => {
  const { client } = await person(bench)
  expect(await client.get(`${MINE}${query}`)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
})

test("in the commons operational memory is everybody's, what is personal its persona's alone, in list, read and history", async () => {
  const [ada, bob] = [await contributor(), await contributor()]
  const shared = (await ada.client.post(COMMONS, claim())).body
  const hers = (await ada.client.post(COMMONS, claim({ class: 'personal' }))).body
  await eventually(async () => expect(ids((await ada.client.get(COMMONS)).body)).toEqual(expect.arrayContaining([shared.id, hers.id])))
  expect((await bob.client.get(`${COMMONS}/${shared.id}`)).body.payload).toEqual(shared.payload)
  const seen = ids((await bob.client.get(COMMONS)).body)
  expect([seen.includes(shared.id), seen.includes(hers.id)]).toEqual([true, false])
  for (const path of [`${COMMONS}/${hers.id}`, `${COMMONS}/${hers.id}/history`])
    expect(await bob.client.get(path)).toMatchObject({ status: 404, body: { code: 'memory.object_not_found' } })
  const companion = bench.as({ actor: { kind: 'companion', id: ada.personId, approvalMode: 'explicit' }, scopes: ['memory.read'] })
  expect((await companion.get(`${COMMONS}/${hers.id}`)).status).toBe(200)
})

test('a source a reader may not read shows only that it is there; one that was taken back makes what cites it stale', async () => {
  const [ada, bob] = [await contributor('operator'), await contributor()]
  const hers = (await ada.client.post(COMMONS, claim({ class: 'personal', commit: true }))).body
  const shared = (await ada.client.post(COMMONS, claim({ commit: true }))).body
  const sources = [hers, shared].map(({ id }) => ({ engagement: COMMONS_ID, object: id }))
  await eventually(async () => expect(ids((await ada.client.get(COMMONS)).body)).toEqual(expect.arrayContaining([hers.id, shared.id])))
  const citing = (await ada.client.post(COMMONS, claim({ sources }))).body
  expect(citing).toMatchObject({ sources, stale: false })
  await eventually(async () =>
    expect((await bob.client.get(`${COMMONS}/${citing.id}`)).body).toMatchObject({ sources: [{ hidden: true }, sources[1]], stale: false }),
  )
  await ada.client.post(`${COMMONS}/${shared.id}/retract`, { reason: 'mistaken' })
  await eventually(async () => expect((await bob.client.get(`${COMMONS}/${citing.id}`)).body.stale).toBe(true))
  expect((await ada.client.get(`${COMMONS}/${citing.id}`)).body).toMatchObject({ sources, stale: true })
})

test('a history tells every version: who, when, with the hash of each and of what stood before it', async () => {
  const { client, personId } = await person(bench)
  const { id } = (await client.post(MINE, claim({ commit: true }))).body
  await client.post(`${MINE}/${id}/retract`, { reason: 'mistaken' })
  const { status, body } = await client.get(`${MINE}/${id}/history`)
  expect(status).toBe(200)
  expect(body.items.map(({ version, engagement_version, type }: Record<string, unknown>) => [version, engagement_version, type])).toEqual([
    [1, 4, 'MemoryAdded'],
    [2, 5, 'MemoryCommitted'],
    [3, 7, 'MemoryRetracted'],
  ])
  expect(body.items[1].prev_hash).toBe(body.items[0].hash)
  expect(body.items.every(({ actor }: { actor: { id: string } }) => actor.id === personId)).toBe(true)
})

test('the structure of a personal engagement can be read as memory', async () => {
  const { client, engagementId, personId } = await person(bench)
  const { body: card } = await client.get('/engagements/me')
  expect((await client.get(`${MINE}/${card.seed.object}`)).body).toMatchObject({
    type: 'seed',
    lifetime: { k: 'Active' },
    payload: {
      what_the_work_is: expect.stringContaining('Personal knowledge'),
      initial_contributors: [personId],
      additional_assertions: { engagement_name: 'personal' },
    },
  })
  expect((await client.get(`${MINE}/${engagementId}`)).body).toMatchObject({ type: 'engagement', payload: { visibility: 'personal', owner: personId } })
})

test("what is not there, or not the caller's, is not found", async () => {
  const [ada, bob] = [await person(bench), await person(bench)]
  const { id } = (await ada.client.post(MINE, claim())).body
  expect(await ada.client.get(`${MINE}/${newId()}`)).toMatchObject({ status: 404, body: { code: 'memory.object_not_found' } })
  const carol = await person(bench)
  member(bench, carol.personId, ada.engagementId)
  for (const path of [`/${id}`, `/${id}/history`]) expect((await carol.client.get(`/engagements/${ada.engagementId}/memory${path}`)).status).toBe(404)
  expect((await carol.client.get(`/engagements/${ada.engagementId}/memory`)).body.items).toEqual([])
  for (const path of ['', `/${id}`, `/${id}/history`]) {
    expect(await bob.client.get(`/engagements/${ada.engagementId}/memory${path}`)).toMatchObject({ status: 404, body: { code: 'memory.engagement_not_found' } })
    expect((await bench.stranger.get(`${MINE}${path}`)).status).toBe(401)
    expect((await bench.person(ada.personId, { scopes: [] }).get(`${MINE}${path}`)).status).toBe(403)
    expect(await ada.client.get(`/engagements/x/memory${path}`)).toMatchObject({ status: 422, body: { code: 'memory.address_malformed' } })
  }
})
