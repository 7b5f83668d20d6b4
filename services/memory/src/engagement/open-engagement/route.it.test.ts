import { BusEvent, MembershipRevoked } from '@loomworks/contracts'
import { readEnvelope } from '@loomworks/event-store'
import { actorFromCompanion, derivedId, newId } from '@loomworks/kernel'
import { exec, many, sql } from '@loomworks/sql'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { member, memoryBench, person } from '../../memory-bench.ts'
import { streamOf } from '../stream.ts'
import { CANDIDATES_MAX } from './places.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const CANARY = 'The bakery of Rue Mouffetard'
const SEED = {
  initial_contributors: [],
  initial_agents: [],
  shape_types: [{ key: 'report', version: 1, sections: [] }],
  what_the_work_is: 'Bread',
  who_consumes_the_work: 'Guests',
  voice_of_the_work: 'Warm',
  constraints: ['No sugar'],
  success_conditions: ['It rises'],
}

test('a person opens a candidate, sees it by its number, and is its operator at once', async () => {
  const { client, personId } = await person(bench)
  const { status, body, headers } = await client.post('/engagements', { title: `  ${CANARY} ` })
  expect({ status, position: typeof headers['loom-position'] }).toEqual({ status: 201, position: 'string' })
  expect(body).toMatchObject({
    state: 'candidate',
    visibility: 'private',
    display_identifier: expect.stringMatching(/^E1\d{3}$/),
    title: CANARY,
    name: null,
    owner: null,
    opened_by: { kind: 'person', id: personId },
    activated_at: null,
    seed: null,
    engagement_version: 1,
    my: { designations: ['operator'], commit_authority: true },
  })
  expect((await client.get(`/engagements/${body.id}`)).body).toEqual(body)
  await eventually(async () => expect((await client.get(`/engagements/${body.display_identifier}`)).body).toEqual(body))
  expect((await client.get('/engagements?state=candidate')).body.items).toEqual([body])
  const claim = { type: 'assertion', class: 'operational', payload: { kind: 'fact', text: 'Flour' }, commit: true }
  expect((await client.post(`/engagements/${body.id}/memory`, claim)).status).toBe(201)
})

test('strangers do not see it, and members see its title, also on their dashboards', async () => {
  const [ada, bob] = [await person(bench), await person(bench)]
  const { id } = (await ada.client.post('/engagements', { title: CANARY, visibility: 'discoverable' })).body
  expect((await bob.client.get(`/engagements/${id}`)).status).toBe(404)
  member(bench, bob.personId, id, { designations: ['contributor'] })
  expect((await bob.client.get(`/engagements/${id}`)).body).toMatchObject({ title: CANARY, visibility: 'discoverable', my: { designations: ['contributor'] } })
  await bob.client.post(`/engagements/${id}/memory`, { type: 'assertion', class: 'operational', payload: { kind: 'fact', text: 'Salt' } })
  await eventually(async () => {
    const { items } = (await ada.client.get('/me/dashboard/needs_you')).body
    expect(items).toMatchObject([{ engagement: { id, title: CANARY }, summary: 'Salt' }])
  })
})

test('the title is in no event and no row in the clear', async () => {
  const { client } = await person(bench)
  const { id } = (await client.post('/engagements', { title: CANARY })).body
  const [opened] = (await Array.fromAsync(bench.platform.eventStore.readStream(streamOf(id)))).map(readEnvelope)
  expect(JSON.stringify(opened)).not.toContain('Mouffetard')
  await eventually(async () => {
    const rows = await many(
      bench.database.db,
      z.object({ row: z.string() }),
      sql`select to_jsonb(e)::text as row from memory.engagement_v1 e where engagement = ${id}`,
    )
    expect(rows).toHaveLength(1)
    expect(rows[0]?.row).not.toContain('Mouffetard')
  })
})

test('a seed that comes along is its first draft', async () => {
  const { client } = await person(bench)
  const { body } = await client.post('/engagements', { title: 'Bread', seed: SEED })
  expect(body).toMatchObject({ engagement_version: 2, seed: null })
  await eventually(async () => {
    const { items } = (await client.get(`/engagements/${body.id}/memory?type=seed`)).body
    expect(items).toMatchObject([{ lifetime: { k: 'Drafted' }, payload: { what_the_work_is: 'Bread', seed_version: 1 } }])
  })
})

test('sent again under its key it is the same engagement, also at once', async () => {
  const { client } = await person(bench)
  const send = () => client.post('/engagements', { title: 'Once' }, { headers: { 'idempotency-key': '"one"' } })
  const answers = [...(await Promise.all([send(), send(), send()])), await send()]
  const opened = answers.filter(({ status }) => status === 201)
  for (const { status, body } of answers) if (status !== 201) expect([status, body.code]).toEqual([409, 'idempotency.in_flight'])
  expect(answers.at(-1)).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' } })
  expect(new Set(opened.map(({ body }) => `${body.id} ${body.display_identifier} ${body.title}`)).size).toBe(1)
})

test('who belongs there no more is told so also under the key that opened it', async () => {
  const { client, personId } = await person(bench)
  const send = () => client.post('/engagements', { title: 'Once' }, { headers: { 'idempotency-key': 'gone' } })
  const { id } = (await send()).body
  const principal = { kind: 'person', id: personId } as const
  await bench.publish(MembershipRevoked, {
    membershipId: derivedId(id, personId),
    principal,
    engagementId: id,
    designations: ['operator'],
    commitAuthority: false,
    by: principal,
    revision: 2,
    reason: 'left',
  })
  await eventually(async () => expect(await send()).toMatchObject({ status: 404, body: { code: 'memory.engagement_not_found' } }))
})

test('what is opened at once has a number each, and none twice', async () => {
  const { client } = await person(bench)
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => client.post('/engagements', { title: `Nr. ${n}` })))
  const numbers = answers.map(({ body }) => Number(body.display_identifier.slice(1)))
  expect(new Set(numbers).size).toBe(20)
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(1000)
})

test('it is announced once, with who opened it and no title; the numbers taken for it are told to audit', async () => {
  const { client, personId } = await person(bench)
  const { id, display_identifier } = (await client.post('/engagements', { title: CANARY })).body
  const heard = await eventually(async () => {
    const found = await Array.fromAsync(bench.platform.bus.browse('EVENTS', `evt.memory.*.${id}.*`))
    expect(found).toHaveLength(2)
    return found.map(({ data }) => BusEvent.parse(JSON.parse(data)))
  })
  expect(heard).toMatchObject([
    {
      type: 'EngagementOpened',
      data: { engagement: id, visibility: 'private', displayIdentifier: display_identifier, openedBy: { kind: 'person', id: personId } },
    },
    { type: 'MemoryEventRecorded', v: 2, data: { type: 'EngagementOpened', priority: 'high' } },
  ])
  expect(JSON.stringify(heard)).not.toContain('Mouffetard')
  const administrative = await Array.fromAsync(bench.platform.bus.browse('EVENTS', 'evt.memory.*.00000000-0000-0000-0000-000000000001.MemoryEventRecorded'))
  expect(administrative.some(({ data }) => JSON.parse(data).data.type === 'DisplayNumbersTaken')).toBe(true)
})

test('their Companion opens one for a person who said so, and not beforehand', async () => {
  const { personId } = await person(bench)
  const as = (approval: Parameters<typeof actorFromCompanion>[1]) =>
    bench.as({ actor: actorFromCompanion(personId, approval), scopes: ['memory.read', 'memory.write'] }).post('/engagements', { title: 'Ours' })
  expect(await as({ approvalMode: 'explicit' })).toMatchObject({ status: 201, body: { opened_by: { kind: 'companion' }, my: { designations: ['operator'] } } })
  expect(await as({ approvalMode: 'pre_authorized', capabilityRef: `membership:${newId()}` })).toMatchObject({
    status: 403,
    body: { code: 'auth.actor_refused' },
  })
})

test.each([
  ['no title', {}],
  ['an empty one', { title: '  ' }],
  ['one of 201 characters', { title: 'a'.repeat(201) }],
  ['a control character', { title: 'a\u0007' }],
  ['a visibility that is not theirs to choose', { title: 'a', visibility: 'automatic' }],
  ['a broken seed', { title: 'a', seed: { ...SEED, constraints: 'none' } }],
  ['a state', { title: 'a', state: 'active' }],
])('%s is refused', async (_what, body) => {
  const { client } = await person(bench)
  expect(await client.post('/engagements', body)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
})

test('agents, strangers and those without the scope open none', async () => {
  const { personId } = await person(bench)
  const agent = bench.as({ actor: { kind: 'agent', id: newId<'agent'>(), instructionVersion: 1 }, scopes: ['memory.write'] })
  expect(await agent.post('/engagements', { title: 'a' })).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  expect((await bench.stranger.post('/engagements', { title: 'a' })).status).toBe(401)
  expect(await bench.person(personId, { scopes: ['memory.read'] }).post('/engagements', { title: 'a' })).toMatchObject({ status: 403 })
})

test('a person has a hundred candidates at most, however many are opened at once', async () => {
  const { client, personId } = await person(bench)
  const filled = CANDIDATES_MAX - 3
  await exec(bench.database.db, sql`insert into memory.opening (engagement, person) select gen_random_uuid(), ${personId} from generate_series(1, ${filled})`)
  const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => client.post('/engagements', { title: `Nr. ${n}` })))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(3)
  for (const { status, body } of answers) if (status !== 201) expect({ status, code: body.code }).toEqual({ status: 409, code: 'memory.engagement_limit' })
  const [one] = answers.filter(({ status }) => status === 201)
  await client.post(`/engagements/${one?.body.id}/archive`)
  await eventually(async () => expect((await client.post('/engagements', { title: 'one more' })).status).toBe(201))
})
