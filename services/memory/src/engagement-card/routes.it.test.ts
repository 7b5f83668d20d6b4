import { randomUUID } from 'node:crypto'
import { MembershipChanged, MembershipGranted, MembershipRevoked, PersonNamesChanged } from '@loomworks/contracts'
import { newId } from '@loomworks/kernel'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { member, memoryBench, person } from '../memory-bench.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(() => {
  bench.identity.down = false
})

const COMMONS = '00000000-0000-0000-0000-000000000002'
const granted = (personId: string, engagementId: string, designations: ['operator'] | ['contributor'], revision = 1) => ({
  membershipId: newId<'membership'>(),
  principal: { kind: 'person' as const, id: personId },
  engagementId,
  designations,
  commitAuthority: false,
  by: { kind: 'service' as const, id: 'signup' as const },
  revision,
})

test('my personal engagement has my name, no title, no number, and sleeps but for memory', async () => {
  const { client, personId, engagementId } = await person(bench, 'Ada')
  const { status, body } = await client.get('/engagements/me')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    id: engagementId,
    state: 'active',
    visibility: 'personal',
    display_identifier: null,
    title: null,
    name: 'Personal — Ada',
    owner: personId,
    engagement_version: 3,
    rooms: { memory: 'open', manifestation: 'dormant', shaping: 'dormant', render: 'dormant' },
    my: { designations: ['operator'], commit_authority: true },
  })
  expect((await client.get(`/engagements/${engagementId}`)).body).toEqual(body)
  expect((await client.get('/addresses/me')).body).toEqual({ id: engagementId, display_identifier: null })
})

test('it keeps the name of the signup, whatever the person is called now', async () => {
  const { client, personId } = await person(bench, 'Ada')
  await client.get('/engagements/me')
  bench.identity.names.set(personId, { displayName: 'Countess', signupDisplayName: 'Ada', companionName: 'Iris' })
  await bench.publish(PersonNamesChanged, { personId, fields: ['display_name'] }, { revision: 1 })
  expect((await client.get('/engagements/me')).body.name).toBe('Personal — Ada')
})

test('a name is remembered for a moment, and no longer once it changed', async () => {
  const { client, personId } = await person(bench, 'Ada')
  // Before the first event of identity was heard memory asks it each time.
  await eventually(async () => {
    bench.identity.down = false
    await client.get('/engagements/me')
    bench.identity.down = true
    expect((await client.get('/engagements/me')).body.name).toBe('Personal — Ada')
  })
  await bench.publish(PersonNamesChanged, { personId, fields: ['display_name'] }, { revision: 1 })
  await eventually(async () => expect(await client.get('/engagements/me')).toMatchObject({ status: 503, body: { code: 'dependency_down' } }))
  bench.identity.down = false
  expect((await client.get('/engagements/me')).body.name).toBe('Personal — Ada')
})

test('somebody whose name nobody knows has a personal engagement without one', async () => {
  const { client, personId } = await person(bench)
  bench.identity.names.delete(personId)
  expect((await client.get('/engagements/me')).body.name).toBe('Personal')
})

test('the engagements I belong to are listed once I am heard to belong there, and a personal one never', async () => {
  const { client, personId, engagementId } = await person(bench)
  await bench.publish(MembershipGranted, granted(personId, engagementId, ['operator']))
  await bench.publish(MembershipGranted, granted(personId, COMMONS, ['contributor']))
  const body = await eventually(async () => {
    const answer = await client.get('/engagements')
    expect(answer.body.items).toHaveLength(1)
    return answer.body
  })
  expect(body).toMatchObject({
    items: [
      {
        id: COMMONS,
        display_identifier: 'E0002',
        title: 'Loomworks commons',
        visibility: 'automatic',
        name: null,
        my: { designations: ['contributor'], commit_authority: false },
      },
    ],
    next_cursor: null,
  })
  expect((await client.get('/engagements?state=candidate')).body.items).toEqual([])
})

test('lists go page by page', async () => {
  const { client, personId } = await person(bench)
  const all = ['01', '02', 'e2'].map((tail) => `00000000-0000-0000-0000-${tail.padStart(12, '0')}`)
  for (const engagement of all) await bench.publish(MembershipGranted, granted(personId, engagement, ['contributor']))
  await eventually(async () => expect((await client.get('/engagements')).body.items).toHaveLength(3))
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await client.get(`/engagements?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...body.items.map(({ id }: { id: string }) => id))
    cursor = body.next_cursor
  }
  expect(seen.sort()).toEqual(all)
})

test('a membership told twice counts once, and an older word about it changes nothing', async () => {
  const { client, personId } = await person(bench)
  const now = { ...granted(personId, COMMONS, ['operator']), revision: 5 }
  await bench.publish(MembershipGranted, now, { cause: 'new' })
  await bench.publish(MembershipGranted, now, { cause: 'again' })
  await bench.publish(MembershipGranted, { ...now, designations: ['contributor'], revision: 4 }, { cause: 'old' })
  await eventually(async () => expect((await client.get('/engagements/E2')).body.my.designations).toEqual(['operator']))
})

test('what a member is changes as it is told, and who was revoked is out', async () => {
  const { client, personId } = await person(bench)
  const now = granted(personId, COMMONS, ['contributor'])
  for (let revision = 1; revision < 10; revision += 3) {
    await bench.publish(MembershipGranted, { ...now, revision }, { cause: newId() })
    await eventually(async () => expect((await client.get('/engagements/E2')).body.my).toEqual({ designations: ['contributor'], commit_authority: false }))
    await bench.publish(MembershipChanged, { ...now, designations: ['domain_expert'], commitAuthority: true, revision: revision + 1 }, { cause: newId() })
    await eventually(async () => expect((await client.get('/engagements/E2')).body.my).toEqual({ designations: ['domain_expert'], commit_authority: true }))
    await bench.publish(MembershipRevoked, { ...now, revision: revision + 2, reason: 'removed' }, { cause: newId() })
    await eventually(async () => expect((await client.get('/engagements/E2')).status).toBe(404))
  }
  expect((await client.get('/engagements')).body.items).toEqual([])
  await bench.publish(MembershipGranted, { ...now, revision: 1 }, { cause: newId() })
  await bench.publish(MembershipGranted, { ...now, membershipId: now.membershipId, revision: 11 }, { cause: newId() })
  await eventually(async () => expect((await client.get('/engagements/E2')).status).toBe(200))
})

test.each(['E0002', 'e2', 'E000002', COMMONS, COMMONS.toUpperCase()])('%s names the commons', async (address) => {
  const { client, personId } = await person(bench)
  member(bench, personId, COMMONS, { designations: ['contributor'] })
  expect((await client.get(`/addresses/${address}`)).body).toEqual({ id: COMMONS, display_identifier: 'E0002' })
})

test.each([
  ['nonsense', 422, 'memory.address_malformed'],
  ['E0', 422, 'memory.address_malformed'],
  ['E0007', 404, 'memory.engagement_not_found'],
  ['E0001', 404, 'memory.engagement_not_found'],
  [randomUUID(), 404, 'memory.engagement_not_found'],
])('%s names nothing of mine', async (address, status, code) => {
  const { client } = await person(bench)
  expect(await client.get(`/addresses/${address}`)).toMatchObject({ status, body: { code } })
  expect(await client.get(`/engagements/${address}`)).toMatchObject({ status, body: { code } })
})

test('nobody else sees a personal engagement, also when identity errs; strangers see nothing', async () => {
  const [ada, bob] = [await person(bench), await person(bench)]
  expect((await bob.client.get(`/engagements/${ada.engagementId}`)).status).toBe(404)
  member(bench, bob.personId, ada.engagementId)
  expect((await bob.client.get(`/engagements/${ada.engagementId}`)).status).toBe(404)
  for (const path of ['/engagements', '/engagements/me', '/addresses/me']) {
    expect((await bench.stranger.get(path)).status).toBe(401)
    expect((await bench.person(ada.personId, { scopes: [] }).get(path)).status).toBe(403)
  }
  expect((await ada.client.get('/engagements?filter=x')).status).toBe(422)
})
