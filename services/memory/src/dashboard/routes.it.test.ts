import { readEnvelope } from '@loomworks/event-store'
import { newId } from '@loomworks/kernel'
import { rebuildRows } from '@loomworks/projections'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { activity } from '../activity/projection.ts'
import { member, memoryBench, person } from '../memory-bench.ts'
import { needsYou } from '../needs-you/projection.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const COMMONS_ID = '00000000-0000-0000-0000-000000000002'
const COMMONS = '/engagements/E0002/memory'
const claim = (text: string, extra: object = {}) => ({ type: 'assertion', class: 'operational', payload: { kind: 'fact', text }, ...extra })
const objects = (body: { items: readonly { ref: { object: string } }[] }) => body.items.map(({ ref }) => ref.object)

async function inCommons(designation: string) {
  const who = await person(bench)
  member(bench, who.personId, COMMONS_ID, { designations: [designation] })
  await who.client.get('/engagements/E0002')
  return who
}

test('an operator is shown the drafts that wait, with their first words, until they are settled', async () => {
  const [author, operator] = [await inCommons('contributor'), await inCommons('operator')]
  const { id } = (await author.client.post(COMMONS, claim('Tea is at five.'))).body
  const entry = await eventually(async () => {
    const { body } = await operator.client.get('/me/dashboard/needs_you')
    expect(objects(body)).toContain(id)
    return body.items.find(({ ref }: { ref: { object: string } }) => ref.object === id)
  })
  expect(entry).toMatchObject({
    kind: 'held_memory',
    engagement: { id: COMMONS_ID, display_identifier: 'E0002', title: 'Loomworks commons' },
    ref: { engagement: COMMONS_ID, object: id, version: 1 },
    summary: 'Tea is at five.',
  })
  expect(objects((await author.client.get('/me/dashboard/needs_you')).body)).not.toContain(id)
  await operator.client.post(`${COMMONS}/${id}/commit`, { expected_version: 1 })
  await eventually(async () => expect(objects((await operator.client.get('/me/dashboard/needs_you')).body)).not.toContain(id))
})

test('a personal draft in a shared engagement waits for its persona alone', async () => {
  const [author, operator] = [await inCommons('contributor'), await inCommons('operator')]
  const { id } = (await author.client.post(COMMONS, claim('mine', { class: 'personal' }))).body
  await eventually(async () => expect(objects((await author.client.get('/me/dashboard/needs_you')).body)).toEqual([id]))
  expect(objects((await operator.client.get('/me/dashboard/needs_you')).body)).not.toContain(id)
})

test('what was committed and what was activated shows as recent, newest first, to members', async () => {
  const [author, operator, outsider] = [await inCommons('contributor'), await inCommons('operator'), await person(bench)]
  const { id } = (await author.client.post(COMMONS, claim('news'))).body
  await operator.client.post(`${COMMONS}/${id}/commit`, { expected_version: 1 })
  const { body } = await eventually(async () => {
    const answer = await author.client.get('/me/dashboard/recent')
    expect(objects(answer.body)[0]).toBe(id)
    return answer
  })
  expect(body.items[0]).toMatchObject({ kind: 'commit', engagement: { id: COMMONS_ID }, actor: { kind: 'person', id: operator.personId } })
  expect(body.items.at(-1)).toMatchObject({ kind: 'activation', ref: { engagement: COMMONS_ID }, actor: { kind: 'service', id: 'memory' } })
  expect((await outsider.client.get('/me/dashboard/recent')).body.items).toEqual([])
  const first = (await author.client.get('/me/dashboard/recent?limit=1')).body
  expect(objects((await author.client.get(`/me/dashboard/recent?limit=1&cursor=${first.next_cursor}`)).body)).toEqual([objects(body)[1]])
})

test('nothing of a personal engagement is in any dashboard, not in the rows either', async () => {
  const { client, engagementId } = await person(bench)
  await client.post('/engagements/me/memory', claim('held'))
  await client.post('/engagements/me/memory', claim('active', { commit: true }))
  await eventually(async () => expect((await client.get('/engagements/me')).body.engagement_version).toBe(6))
  for (const path of ['active', 'needs_you', 'recent']) expect((await client.get(`/me/dashboard/${path}`)).body).toEqual({ items: [], next_cursor: null })
  const stream = await Array.fromAsync(bench.platform.eventStore.readStream(`engagement-${engagementId}`))
  const fed = stream.map((stored) => ({
    ...stored,
    envelope: readEnvelope(stored),
    event: readEnvelope(stored),
    at: stored.recordedAt,
    actor: readEnvelope(stored).actor,
  }))
  for (const projection of [needsYou, activity]) {
    const rows = new Map()
    projection.foldInto(rows, fed)
    expect([...rows.values()].filter(({ row }) => row !== undefined)).toEqual([])
    const { corrected } = await rebuildRows(projection, { eventStore: bench.platform.eventStore, db: bench.database.db, schema: 'memory' })
    expect(corrected).toBe(0)
  }
})

test.each(['active', 'needs_you', 'recent'])('%s is for persons and their Companions, asked rightly', async (path) => {
  const { client, personId } = await person(bench)
  expect((await bench.stranger.get(`/me/dashboard/${path}`)).status).toBe(401)
  expect((await bench.person(personId, { scopes: [] }).get(`/me/dashboard/${path}`)).status).toBe(403)
  expect((await bench.as({ actor: { kind: 'agent', id: newId(), instructionVersion: 1 }, scopes: ['memory.read'] }).get(`/me/dashboard/${path}`)).status).toBe(
    403,
  )
  for (const query of ['?limit=0', '?cursor=x', '?filter=y']) expect((await client.get(`/me/dashboard/${path}${query}`)).status).toBe(422)
})
