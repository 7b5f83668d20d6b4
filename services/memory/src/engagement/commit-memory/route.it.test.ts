import { randomUUID } from 'node:crypto'
import { readEnvelope } from '@loomworks/event-store'
import { newId } from '@loomworks/kernel'
import type { Client, ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { member, memoryBench, person } from '../../memory-bench.ts'
import { streamOf } from '../stream.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const COMMONS = '/engagements/E0002/memory'
const MINE = '/engagements/me/memory'
const claim = (extra: object = {}) => ({ type: 'assertion', class: 'operational', payload: { kind: 'fact', text: randomUUID() }, ...extra })

/** Somebody in the commons. */
async function contributor(designation: 'operator' | 'contributor' = 'contributor', commitAuthority = false) {
  const who = await person(bench)
  member(bench, who.personId, '00000000-0000-0000-0000-000000000002', { designations: [designation], commitAuthority })
  return who
}

async function draft(client: Client, at = MINE, extra: object = {}) {
  const { status, body } = await client.post(at, claim(extra))
  expect(status).toBe(201)
  return body
}

test('a draft becomes what the engagement holds true, and ends what it supersedes', async () => {
  const { client, engagementId } = await person(bench)
  const old = await draft(client, MINE, { commit: true })
  const next = await draft(client, MINE, { supersedes: [{ ref: { engagement: engagementId, object: old.id }, why: 'contradicted' }] })
  const { status, body, headers } = await client.post(`${MINE}/${next.id}/commit`, { expected_version: 1 })
  expect(status).toBe(200)
  expect(body).toMatchObject({
    id: next.id,
    version: 2,
    lifetime: { k: 'Active' },
    payload: next.payload,
    engagement_version: 8,
    supersedes: [{ why: 'contradicted' }],
  })
  expect(headers['loom-position']).toMatch(/^[0-9]+$/)
  expect((await client.get(`${MINE}/${old.id}`)).body.lifetime).toEqual({
    k: 'Superseded',
    by: { engagement: engagementId, object: next.id },
    why: 'contradicted',
  })
})

test('the same Idempotency-Key commits once, and is told the same whatever came after', async () => {
  const { client } = await person(bench)
  const { id } = await draft(client)
  const ask = { headers: { 'idempotency-key': 'commit' } }
  const { body } = await client.post(`${MINE}/${id}/commit`, { expected_version: 1 }, ask)
  await client.post(`${MINE}/${id}/retract`, { reason: 'withdrawn' })
  expect(await client.post(`${MINE}/${id}/commit`, { expected_version: 1 }, ask)).toMatchObject({ status: 200, body })
})

test('of twenty who commit at once one does, and the others are told what they have not read', async () => {
  const { client } = await person(bench)
  const { id } = await draft(client)
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.post(`${MINE}/${id}/commit`, { expected_version: 1 })))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  for (const { status, body } of answers.filter((each) => each.status !== 200))
    expect({ status, code: body.code, lifetime: body.lifetime }).toEqual({ status: 409, code: 'memory.wrong_state', lifetime: 'Active' })
})

test('a version that is not the one that stands is refused with the one that does', async () => {
  const { client } = await person(bench)
  const { id } = await draft(client)
  expect(await client.post(`${MINE}/${id}/commit`, { expected_version: 2 })).toMatchObject({
    status: 409,
    body: { code: 'memory.version_conflict', current_version: 1 },
  })
})

test('in the commons a contributor has no authority, an operator has, and so has who was given the flag', async () => {
  const [author, operator, flagged] = [await contributor(), await contributor('operator'), await contributor('contributor', true)]
  const one = await draft(author.client, COMMONS)
  const two = await draft(author.client, COMMONS)
  expect(await author.client.post(`${COMMONS}/${one.id}/commit`, { expected_version: 1 })).toMatchObject({
    status: 403,
    body: { code: 'memory.commit_authority_required' },
  })
  expect((await operator.client.post(`${COMMONS}/${one.id}/commit`, { expected_version: 1 })).status).toBe(200)
  expect((await flagged.client.post(`${COMMONS}/${two.id}/commit`, { expected_version: 1 })).status).toBe(200)
})

test('an agent with the scope commits what others wrote, never its own, and nothing untrusted', async () => {
  const { client } = await contributor()
  const agentId = newId<'agent'>()
  member(bench, agentId, '00000000-0000-0000-0000-000000000002', { designations: ['contributor'] })
  const agent = bench.as({ actor: { kind: 'agent', id: agentId, instructionVersion: 1 }, scopes: ['memory.write', 'memory.read', 'memory.commit'] })
  const hers = await draft(client, COMMONS)
  const its = await draft(agent, COMMONS, { sources: [{ engagement: '00000000-0000-0000-0000-000000000002', object: hers.id }] })
  expect(its.trust).toBe('model_inference')
  expect(await agent.post(`${COMMONS}/${its.id}/commit`, { expected_version: 1 })).toMatchObject({
    status: 403,
    body: { code: 'memory.self_commit_forbidden' },
  })
  expect((await agent.post(`${COMMONS}/${hers.id}/commit`, { expected_version: 1 })).status).toBe(200)
  const rumour = await draft(agent, COMMONS)
  expect(await agent.post(`${COMMONS}/${rumour.id}/commit`, { expected_version: 1 })).toMatchObject({
    status: 403,
    body: { code: 'memory.untrusted_needs_person' },
  })
})

test('a draft whose target was taken back meanwhile ends nothing, and stays a draft', async () => {
  const { client, engagementId } = await person(bench)
  const old = await draft(client, MINE, { commit: true })
  const next = await draft(client, MINE, { supersedes: [{ ref: { engagement: engagementId, object: old.id }, why: 'refined' }] })
  await client.post(`${MINE}/${old.id}/retract`, { reason: 'mistaken' })
  expect(await client.post(`${MINE}/${next.id}/commit`, { expected_version: 1 })).toMatchObject({
    status: 409,
    body: { code: 'memory.target_not_active', target: old.id },
  })
  expect((await client.get(`${MINE}/${next.id}`)).body).toMatchObject({ version: 1, lifetime: { k: 'Drafted' } })
})

test("what is not there, not the caller's, or asked wrongly", async () => {
  const ada = await person(bench)
  const bob = await person(bench)
  const { id } = await draft(ada.client)
  expect(await ada.client.post(`${MINE}/${newId()}/commit`, { expected_version: 1 })).toMatchObject({ status: 404, body: { code: 'memory.object_not_found' } })
  expect(await bob.client.post(`/engagements/${ada.engagementId}/memory/${id}/commit`, { expected_version: 1 })).toMatchObject({
    status: 404,
    body: { code: 'memory.engagement_not_found' },
  })
  expect(await ada.client.post(`${MINE}/${id}/commit`, {})).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  expect(await ada.client.post(`${MINE}/no-id/commit`, { expected_version: 1 })).toMatchObject({ status: 422 })
  expect((await bench.stranger.post(`${MINE}/${id}/commit`, { expected_version: 1 })).status).toBe(401)
  expect(await ada.client.post(`/engagements/e1e/memory/${id}/commit`, { expected_version: 1 })).toMatchObject({
    status: 422,
    body: { code: 'memory.address_malformed' },
  })
})

test('a persona takes back what is its own, the consent is recorded before it, and the content stays where it says', async () => {
  const { client, engagementId, personId } = await person(bench)
  const { id, payload } = await draft(client, MINE, { commit: true })
  const { status, body } = await client.post(`${MINE}/${id}/retract`, { reason: 'withdrawn', expected_version: 2 })
  expect({ status, version: body.version, payload: body.payload }).toEqual({ status: 200, version: 3, payload })
  const events = (await Array.fromAsync(bench.platform.eventStore.readStream(streamOf(engagementId)))).map(readEnvelope)
  const [consent, retracted] = events.slice(-2)
  expect([consent?.data.objectType, retracted?.type]).toEqual(['consent', 'MemoryRetracted'])
  expect(consent?.data.payload).toMatchObject({ by: { kind: 'person', id: personId }, covers: 'retract', target: [{ object: id, version: 2 }] })
  const added = events.find(({ type, data }) => type === 'MemoryAdded' && data.object === id)
  expect(body.lifetime).toEqual({
    k: 'Retracted',
    why: 'withdrawn',
    preserved_in: { k: 'log', event: { stream: streamOf(engagementId), event_id: added?.id }, hash: added?.hash },
    consent: { stream: streamOf(engagementId), event_id: consent?.id },
  })
})

test.each([
  ['the seed in force', (seed: string) => seed, 'memory.type_not_retractable', 409],
  ['what is not there', () => newId(), 'memory.object_not_found', 404],
])('%s is not taken back', async (_, pick, code, status) => {
  const { client } = await person(bench)
  const seed = (await client.get('/engagements/me')).body.seed.object
  expect(await client.post(`${MINE}/${pick(seed)}/retract`, { reason: 'mistaken' })).toMatchObject({ status, body: { code } })
})

test("nobody takes back what belongs to somebody else, nor the Companion what is its person's", async () => {
  const [author, operator] = [await contributor(), await contributor('operator')]
  const { id } = await draft(author.client, COMMONS)
  await operator.client.post(`${COMMONS}/${id}/commit`, { expected_version: 1 })
  expect(await operator.client.post(`${COMMONS}/${id}/retract`, { reason: 'mistaken' })).toMatchObject({
    status: 403,
    body: { code: 'memory.consent_required' },
  })
  const companion = bench.as({ actor: { kind: 'companion', id: author.personId, approvalMode: 'explicit' }, scopes: ['memory.write'] })
  expect(await companion.post(`${COMMONS}/${id}/retract`, { reason: 'mistaken' })).toMatchObject({ status: 403, body: { code: 'memory.consent_required' } })
  expect((await author.client.post(`${COMMONS}/${id}/retract`, { reason: 'mistaken' })).status).toBe(200)
  expect(await author.client.post(`${COMMONS}/${id}/retract`, { reason: 'mistaken' })).toMatchObject({
    status: 409,
    body: { code: 'memory.wrong_state', lifetime: 'Retracted' },
  })
})

test('the draft of somebody else is taken back by who could have committed it', async () => {
  const [author, other, operator] = [await contributor(), await contributor(), await contributor('operator')]
  const { id } = await draft(author.client, COMMONS)
  const retract = (client: Client) => client.post(`${COMMONS}/${id}/retract`, { reason: 'mistaken' })
  expect(await retract(other.client)).toMatchObject({ status: 403, body: { code: 'memory.commit_authority_required' } })
  expect((await retract(operator.client)).status).toBe(200)
})

test('a stated version or place that does not fit stops a retraction, and so does a member nobody knows', async () => {
  const { client, engagementId } = await person(bench)
  const { id } = await draft(client)
  const elsewhere = { k: 'log', event: { stream: streamOf(engagementId), event_id: newId() }, hash: 'a'.repeat(64) }
  expect(await client.post(`${MINE}/${id}/retract`, { reason: 'mistaken', expected_version: 4 })).toMatchObject({
    status: 409,
    body: { code: 'memory.version_conflict', current_version: 1 },
  })
  expect(await client.post(`${MINE}/${id}/retract`, { reason: 'mistaken', preserved_in: elsewhere })).toMatchObject({
    status: 409,
    body: { code: 'memory.location_unreachable' },
  })
  expect(await client.post(`${MINE}/${id}/retract`, { reason: 'bored' })).toMatchObject({ status: 422 })
  expect(await client.post(`${MINE}/${id}/retract`, { reason: 'mistaken', proposal: newId() })).toMatchObject({ status: 422 })
})
