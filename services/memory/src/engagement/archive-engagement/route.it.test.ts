import { BusEvent } from '@loomworks/contracts'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { member, memoryBench, person, type SignedUp } from '../../memory-bench.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const claim = (text: string, extra: object = {}) => ({ type: 'assertion', class: 'operational', payload: { kind: 'fact', text }, ...extra })

/** An engagement with an operator and a contributor, and a draft of each. */
async function underWay() {
  const [ada, bob] = [await person(bench), await person(bench)]
  const { id } = (await ada.client.post('/engagements', { title: 'Bread' })).body
  member(bench, bob.personId, id, { designations: ['contributor'] })
  const draftOf = async ({ client }: Pick<typeof ada, 'client'>, text: string): Promise<string> =>
    (await client.post(`/engagements/${id}/memory`, claim(text))).body.id
  return { id, ada, bob, drafts: { ada: await draftOf(ada, 'hers'), bob: await draftOf(bob, 'his') } }
}

test('an operator archives it; it stays to be read, and nothing is written there any more', async () => {
  const { id, ada, bob, drafts } = await underWay()
  expect(await ada.client.post(`/engagements/${id}/archive`)).toMatchObject({
    status: 200,
    body: { id, state: 'archived', title: 'Bread', engagement_version: 4 },
  })
  const closed = { status: 409, body: { code: 'memory.engagement_not_writable' } }
  expect(await ada.client.post(`/engagements/${id}/memory`, claim('late'))).toMatchObject(closed)
  expect(await ada.client.post(`/engagements/${id}/memory/${drafts.bob}/commit`, { expected_version: 1 })).toMatchObject(closed)
  expect(await ada.client.post(`/engagements/${id}/memory/${drafts.bob}/retract`, { reason: 'mistaken' })).toMatchObject(closed)
  expect((await bob.client.get(`/engagements/${id}/memory/${drafts.ada}`)).status).toBe(200)
  await eventually(async () => expect((await bob.client.get(`/engagements/${id}`)).body.state).toBe('archived'))
  expect((await bob.client.get(`/engagements/${id}/memory/${id}`)).body).toMatchObject({ version: 2, payload: { state: 'archived', title: 'Bread' } })
})

test('what is one’s own can still be taken back', async () => {
  const { id, ada, bob, drafts } = await underWay()
  await ada.client.post(`/engagements/${id}/archive`)
  expect(await bob.client.post(`/engagements/${id}/memory/${drafts.bob}/retract`, { reason: 'withdrawn' })).toMatchObject({ status: 200 })
})

test('it is listed as archived, and its drafts wait for nobody any more', async () => {
  const { id, ada } = await underWay()
  const waiting = async () =>
    (await ada.client.get('/me/dashboard/needs_you')).body.items.filter((each: { engagement: { id: string } }) => each.engagement.id === id)
  await eventually(async () => expect(await waiting()).toHaveLength(2))
  await ada.client.post(`/engagements/${id}/archive`)
  await eventually(async () => expect(await waiting()).toEqual([]))
  expect((await ada.client.get('/engagements?state=archived')).body.items).toMatchObject([{ id, state: 'archived' }])
  expect((await ada.client.get('/engagements?state=candidate')).body.items).toEqual([])
})

test('it is told: a change of state, and a record of it', async () => {
  const { id, ada } = await underWay()
  await ada.client.post(`/engagements/${id}/archive`)
  const heard = await eventually(async () => {
    const found = await Array.fromAsync(bench.platform.bus.browse('EVENTS', `evt.memory.*.${id}.*`))
    const events = found.map(({ data }) => BusEvent.parse(JSON.parse(data))).filter(({ revision }) => revision === 3)
    expect(events).toHaveLength(2)
    return events
  })
  expect(heard).toMatchObject([
    { type: 'EngagementStateChanged', data: { engagement: id, state: 'archived' } },
    { type: 'MemoryEventRecorded', v: 2, data: { type: 'EngagementArchived', object: id, objectVersion: 2, priority: 'high' } },
  ])
})

test('it ends once; the same command sent again is answered again', async () => {
  const { id, ada } = await underWay()
  const send = (key?: string) => ada.client.post(`/engagements/${id}/archive`, undefined, key === undefined ? {} : { headers: { 'idempotency-key': key } })
  expect((await send('end')).status).toBe(200)
  expect((await send('end')).status).toBe(200)
  expect(await send()).toMatchObject({ status: 409, body: { code: 'memory.wrong_state', state: 'archived' } })
})

test('a member who is no operator may not, and for a stranger it is not there', async () => {
  const { id, bob } = await underWay()
  const eve: SignedUp & { client: typeof bob.client } = await person(bench)
  expect(await bob.client.post(`/engagements/${id}/archive`)).toMatchObject({ status: 403, body: { code: 'memory.operator_required' } })
  expect(await eve.client.post(`/engagements/${id}/archive`)).toMatchObject({ status: 404, body: { code: 'memory.engagement_not_found' } })
  expect(await bob.client.post('/engagements/nonsense/archive')).toMatchObject({ status: 422, body: { code: 'memory.address_malformed' } })
})

test('a personal engagement is never over', async () => {
  const { client } = await person(bench)
  expect(await client.post('/engagements/me/archive')).toMatchObject({ status: 409, body: { code: 'memory.personal_memory_only' } })
})
