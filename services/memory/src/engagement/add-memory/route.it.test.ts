import { randomUUID } from 'node:crypto'
import { newId } from '@loomworks/kernel'
import { many, sql } from '@loomworks/sql'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { member, memoryBench, person } from '../../memory-bench.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const COMMONS = '00000000-0000-0000-0000-000000000002'
const ADMINISTRATIVE = '00000000-0000-0000-0000-000000000001'
const MINE = '/engagements/me/memory'
const claim = (text: string = randomUUID(), extra: object = {}) => ({ type: 'assertion', class: 'operational', payload: { kind: 'fact', text }, ...extra })

test('a claim is held, with its text, its author and a place in the log', async () => {
  const { client, personId, engagementId } = await person(bench)
  const { status, body, headers } = await client.post(MINE, claim('Tea, never coffee.', { class: 'personal', valid_from: '2030-01-02T05:04:05.678+02:00' }))
  expect({ status, position: typeof headers['loom-position'] }).toEqual({ status: 201, position: 'string' })
  expect(body).toMatchObject({
    engagement: engagementId,
    type: 'assertion',
    version: 1,
    class: 'personal',
    binding: { k: 'PersonalOnly', persona: { kind: 'person', id: personId } },
    lifetime: { k: 'Drafted', review: 'held' },
    display_number: 1,
    payload: { kind: 'fact', text: 'Tea, never coffee.' },
    trust: 'direct_user',
    actor: { kind: 'person', id: personId },
    valid_from: '2030-01-02T03:04:05.678Z',
    committed_at: null,
    stale: false,
    engagement_version: 4,
  })
  expect((await client.get(`${MINE}/${body.id}`)).body).toEqual(body)
})

test('what is added with commit counts at once', async () => {
  const { client } = await person(bench)
  const { status, body } = await client.post(MINE, claim('Tea', { commit: true }))
  expect({ status, version: body.version, lifetime: body.lifetime, engagement_version: body.engagement_version }).toEqual({
    status: 201,
    version: 2,
    lifetime: { k: 'Active' },
    engagement_version: 5,
  })
})

test('a batch stands or falls together, and numbers its claims in their order', async () => {
  const { client } = await person(bench)
  const { status, body } = await client.post(MINE, { items: [claim('one'), claim('two')], commit: true })
  expect(status).toBe(201)
  expect(body.items.map((each: { display_number: number; lifetime: { k: string } }) => [each.display_number, each.lifetime.k])).toEqual([
    [1, 'Active'],
    [2, 'Active'],
  ])
  const refused = await client.post(MINE, { items: [claim('three'), claim('four', { sources: [{ engagement: COMMONS, object: newId() }] })] })
  expect(refused).toMatchObject({ status: 422, body: { code: 'memory.sources_unknown' } })
  await eventually(async () => expect((await client.get('/engagements/me')).body.engagement_version).toBe(7))
})

test('the same Idempotency-Key is the same command, whatever comes between', async () => {
  const { client } = await person(bench)
  const ask = { headers: { 'idempotency-key': 'once' } }
  const first = await client.post(MINE, claim('Tea'), ask)
  await client.post(`${MINE}/${first.body.id}/commit`, { expected_version: 1 })
  const again = await client.post(MINE, claim('Tea'), ask)
  expect([again.status, again.body, again.headers['idempotency-replayed']]).toEqual([201, first.body, 'true'])
  await eventually(async () => expect((await client.get('/engagements/me')).body.engagement_version).toBe(5))
})

test('an exact duplicate makes nothing new: 200 with what is there, at once, from the view, and within one batch', async () => {
  const { client } = await person(bench)
  const { body } = await client.post(MINE, claim('Tea'))
  const again = await client.post(MINE, claim('Tea'))
  expect(again).toMatchObject({ status: 200, body: { id: body.id, duplicate: true, engagement_version: 4 } })
  await eventually(async () =>
    expect(await many(bench.database.db, z.unknown(), sql`select from memory.duplicate_mark_v1 where object = ${body.id}`)).toHaveLength(1),
  )
  await bench.restart()
  expect(await client.post(MINE, claim('Tea'))).toMatchObject({ status: 200, body: { id: body.id, duplicate: true } })
  const batch = await client.post(MINE, { items: [claim('Tea'), claim('Milk'), claim('Milk')] })
  expect(batch.status).toBe(201)
  expect(batch.body.items.map((each: { duplicate?: boolean }) => each.duplicate ?? false)).toEqual([true, false, true])
  expect(batch.body.items[2].id).toBe(batch.body.items[1].id)
  await client.post(`${MINE}/${body.id}/retract`, { reason: 'mistaken' })
  expect(await client.post(MINE, claim('Tea'))).toMatchObject({ status: 201 })
  expect((await client.post(MINE, claim('Tea', { class: 'personal' }))).status).toBe(201)
})

test('nobody else finds a personal engagement, and an engagement one is no member of is not there', async () => {
  const ada = await person(bench)
  const bob = await person(bench)
  expect(await bob.client.post(`/engagements/${ada.engagementId}/memory`, claim())).toMatchObject({
    status: 404,
    body: { code: 'memory.engagement_not_found' },
  })
  member(bench, bob.personId, ada.engagementId)
  expect(await bob.client.post(`/engagements/${ada.engagementId}/memory`, claim())).toMatchObject({
    status: 404,
    body: { code: 'memory.engagement_not_found' },
  })
  expect(await bob.client.post('/engagements/e1/memory', claim())).toMatchObject({ status: 404 })
  expect(await bob.client.post('/engagements/e999999/memory', claim())).toMatchObject({ status: 404 })
  expect(await bob.client.post('/engagements/nowhere/memory', claim())).toMatchObject({ status: 422, body: { code: 'memory.address_malformed' } })
  expect((await bench.stranger.post(MINE, claim())).status).toBe(401)
  expect((await bench.person(bob.personId, { scopes: ['memory.read'] }).post(MINE, claim())).status).toBe(403)
})

test('a membership that nobody told memory of yet counts at once, and identity out of reach is said', async () => {
  const { client, personId } = await person(bench)
  expect((await client.post(`/engagements/${COMMONS}/memory`, claim())).status).toBe(404)
  bench.identity.down = true
  expect(await client.post(`/engagements/${COMMONS}/memory`, claim())).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
  bench.identity.down = false
  member(bench, personId, COMMONS, { designations: ['contributor'] })
  expect((await client.post('/engagements/E0002/memory', claim())).status).toBe(201)
  bench.identity.down = true
  expect((await client.post('/engagements/e2/memory', claim())).status).toBe(201)
  bench.identity.down = false
})

test.each([
  ['without a class', claim('x', { class: undefined }), 422, 'memory.class_required'],
  ['of a type that is recorded', { type: 'consent', class: 'operational', payload: {} }, 409, 'memory.type_not_addable'],
  ['of a type there is not', claim('x', { type: 'dream' }), 422, 'invalid_body'],
  ['without text', { ...claim(), payload: { kind: 'fact' } }, 422, 'invalid_body'],
  ['with a text over its limit', claim('x'.repeat(32_769)), 422, 'invalid_body'],
  ['with a member nobody knows', claim('x', { hat: newId() }), 422, 'invalid_body'],
  ['citing what is not there', claim('x', { sources: [{ engagement: COMMONS, object: newId() }] }), 422, 'memory.sources_unknown'],
  ['with more than a hundred items', { items: Array.from({ length: 101 }, () => claim()) }, 422, 'invalid_body'],
])('a claim %s is refused', async (_, body, status, code) => {
  const { client } = await person(bench)
  expect(await client.post(MINE, body)).toMatchObject({ status, body: { code } })
})

test('a fault of shape is told where it is', async () => {
  const { client } = await person(bench)
  const { body } = await client.post(MINE, { items: [claim(), { ...claim(), payload: { kind: 'fact' } }] })
  expect(body.errors).toEqual([expect.objectContaining({ pointer: '/items/1/payload/text' })])
})

test('more than one append may hold is refused, and nothing is written', async () => {
  const { client } = await person(bench)
  const items = Array.from({ length: 27 }, (_, n) => claim(`${n}${'x'.repeat(32_000)}`))
  expect(await client.post(MINE, { items })).toMatchObject({ status: 413, body: { code: 'memory.too_large' } })
  await eventually(async () => expect((await client.get('/engagements/me')).body.engagement_version).toBe(3))
})

test('a thousand unsettled drafts are enough', async () => {
  const { client } = await person(bench)
  for (let n = 0; n < 10; n++) expect((await client.post(MINE, { items: Array.from({ length: 100 }, () => claim()) })).status).toBe(201)
  expect(await client.post(MINE, claim())).toMatchObject({ status: 429, body: { code: 'memory.held_quota_exceeded' } })
  expect((await client.post(MINE, claim('Tea', { commit: true }))).status).toBe(201)
})

const seed = (extra: object = {}) => ({
  type: 'seed',
  class: 'operational',
  payload: {
    initial_contributors: [],
    initial_agents: [],
    what_the_work_is: 'a',
    who_consumes_the_work: 'b',
    voice_of_the_work: 'c',
    constraints: [],
    success_conditions: [],
    additional_assertions: { someKey: 'kept as it is' },
    ...extra,
  },
})
const SHAPES = { shape_types: [{ key: 'memo', version: 1, sections: [] }] }

test('a seed of a personal engagement opens no rooms; a new one ends the one in force', async () => {
  const { client } = await person(bench)
  expect(await client.post(MINE, seed(SHAPES))).toMatchObject({ status: 409, body: { code: 'memory.personal_memory_only' } })
  const before = (await client.get('/engagements/me')).body.seed.object
  const { body } = await client.post(MINE, { ...seed(), commit: true })
  expect(body).toMatchObject({ type: 'seed', payload: { seed_version: 2, additional_assertions: { someKey: 'kept as it is' } }, lifetime: { k: 'Active' } })
  expect((await client.get(`${MINE}/${before}`)).body.lifetime).toMatchObject({ k: 'Superseded', by: { object: body.id }, why: 'refined' })
  await eventually(async () => expect((await client.get('/engagements/me')).body).toMatchObject({ seed: { object: body.id }, rooms: { render: 'dormant' } }))
})

test('the administrative engagement takes no seed', async () => {
  const { client, personId } = await person(bench)
  member(bench, personId, ADMINISTRATIVE)
  expect(await client.post('/engagements/E1/memory', seed())).toMatchObject({ status: 409, body: { code: 'memory.type_not_addable' } })
})

test('a Companion adds as its person, by approval or by a right it names; an agent adds operational claims that are held', async () => {
  const { personId, client } = await person(bench)
  member(bench, personId, COMMONS, { designations: ['contributor'] })
  const explicit = bench.as({ actor: { kind: 'companion', id: personId, approvalMode: 'explicit' }, scopes: ['memory.write', 'memory.read'] })
  expect((await explicit.post(MINE, claim('by the Companion', { class: 'personal' }))).body).toMatchObject({
    trust: 'model_inference',
    binding: { persona: { id: personId } },
    actor: { kind: 'companion', approval_mode: 'explicit' },
  })
  const stranger = { kind: 'companion', id: personId, approvalMode: 'pre_authorized', capabilityRef: `membership:${newId()}` } as const
  expect((await bench.as({ actor: stranger, scopes: ['memory.write'] }).post(MINE, claim())).status).toBe(403)
  const membership = bench.identity.members.get(`${personId} ${COMMONS}`)?.membershipId
  const known = { ...stranger, capabilityRef: `membership:${membership}` }
  expect((await bench.as({ actor: known, scopes: ['memory.write'] }).post(`/engagements/${COMMONS}/memory`, claim())).status).toBe(201)
  expect(await bench.as({ actor: known, scopes: ['memory.write'] }).post(`/engagements/${COMMONS}/memory`, claim('x', { commit: true }))).toMatchObject({
    status: 403,
    body: { code: 'memory.commit_authority_required' },
  })
  const agentId = newId<'agent'>()
  member(bench, agentId, COMMONS, { designations: ['contributor'] })
  const agent = bench.as({ actor: { kind: 'agent', id: agentId, instructionVersion: 1 }, scopes: ['memory.write', 'memory.read', 'memory.commit'] })
  expect((await agent.post(`/engagements/${COMMONS}/memory`, claim())).body).toMatchObject({ trust: 'untrusted', lifetime: { k: 'Drafted' } })
  expect(await agent.post(`/engagements/${COMMONS}/memory`, claim('y', { class: 'personal' }))).toMatchObject({
    status: 403,
    body: { code: 'memory.personal_needs_person' },
  })
  expect((await client.post(`/engagements/${COMMONS}/memory`, claim('z', { commit: true }))).body).toMatchObject({ code: 'memory.commit_authority_required' })
})

test('what is added with commit needs what a commit needs', async () => {
  const { client, personId } = await person(bench)
  member(bench, personId, COMMONS)
  const agentId = newId<'agent'>()
  member(bench, agentId, COMMONS, { designations: ['contributor'] })
  const agent = bench.as({ actor: { kind: 'agent', id: agentId, instructionVersion: 1 }, scopes: ['memory.write', 'memory.read', 'memory.commit'] })
  const at = `/engagements/${COMMONS}/memory`
  const { body } = await client.post(at, claim())
  const citing = claim('so it is said', { sources: [{ engagement: COMMONS, object: body.id }], commit: true })
  expect(await agent.post(at, citing)).toMatchObject({ status: 403, body: { code: 'memory.self_commit_forbidden' } })
  expect(await agent.post(at, claim('so I say', { commit: true }))).toMatchObject({ status: 403, body: { code: 'memory.untrusted_needs_person' } })
  const after = claim('and not', { supersedes: [{ ref: { engagement: COMMONS, object: body.id }, why: 'refined' }], commit: true })
  expect(await client.post(at, after)).toMatchObject({ status: 409, body: { code: 'memory.target_not_active', target: body.id } })
})
