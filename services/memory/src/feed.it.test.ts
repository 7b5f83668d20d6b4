// While identity cannot be heard, nothing that it told is believed unasked; and where it does not answer, nobody gets in.
import { FeedHeartbeat, MembershipGranted } from '@loomworks/contracts'
import { derivedId, type EngagementId } from '@loomworks/kernel'
import { exec, sql } from '@loomworks/sql'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { keepStanding, standingOf } from './membership/queries.ts'
import { member, memoryBench, person } from './memory-bench.ts'
import { standingNow } from './standings.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const COMMONS = '00000000-0000-0000-0000-000000000002'
const LISTS = ['/engagements', '/me/dashboard/needs_you', '/me/dashboard/recent']
const heardAgo = (interval: string) => exec(bench.database.db, sql`update memory.membership_feed set heard_at = now() - ${interval}::interval`)

/** Somebody of the commons, of whom memory was told so. */
async function told() {
  const who = await person(bench)
  member(bench, who.personId, COMMONS, { designations: ['contributor'] })
  await bench.publish(MembershipGranted, {
    membershipId: derivedId(who.personId, COMMONS),
    principal: { kind: 'person', id: who.personId },
    engagementId: COMMONS,
    designations: ['contributor'],
    commitAuthority: false,
    by: { kind: 'service', id: 'signup' },
    revision: 1,
  })
  await eventually(async () => expect((await who.client.get('/engagements')).body.items).toHaveLength(1))
  return who
}

test('what was told is believed while identity can be heard, whether it answers or not', async () => {
  const { client } = await told()
  await heardAgo('30 seconds')
  bench.identity.down = true
  expect((await client.get('/engagements/E2')).status).toBe(200)
  expect((await client.get('/engagements')).body.items).toHaveLength(1)
  bench.identity.down = false
})

test('after a minute of silence identity is asked every time: who is out there is out here, in every list too', async () => {
  const { client, personId } = await told()
  await heardAgo('61 seconds')
  bench.identity.members.delete(`${personId} ${COMMONS}`)
  await eventually(async () => expect((await client.get('/engagements/E2')).status).toBe(404))
  expect((await client.get('/engagements')).body.items).toEqual([])
  member(bench, personId, COMMONS, { designations: ['contributor'] })
  expect((await client.get('/engagements/E2')).status).toBe(200)
})

test('a list does not show what nobody confirms', async () => {
  const { client, personId } = await told()
  await heardAgo('61 seconds')
  bench.identity.members.delete(`${personId} ${COMMONS}`)
  await eventually(async () => expect((await client.get('/engagements')).body.items).toEqual([]))
})

test('where identity is silent and does not answer, nobody gets in, and the next heartbeat opens the door again', async () => {
  const { client } = await told()
  await heardAgo('61 seconds')
  await eventually(async () => {
    bench.identity.down = true
    const answer = await client.get('/engagements/E2')
    bench.identity.down = false
    expect(answer).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
  })
  bench.identity.down = true
  for (const path of LISTS) expect(await client.get(path)).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
  bench.identity.down = false
  await bench.publish(FeedHeartbeat, { beat: 1 })
  await eventually(async () => {
    bench.identity.down = true
    const answer = await client.get('/engagements/E2')
    bench.identity.down = false
    expect(answer.status).toBe(200)
  })
})

test('a heartbeat of long ago says nothing about now', async () => {
  const { client } = await told()
  await heardAgo('61 seconds')
  await bench.publish(FeedHeartbeat, { beat: 2 }, { at: new Date(Date.now() - 120_000).toISOString() })
  await told()
  await eventually(async () => {
    bench.identity.down = true
    const answer = await client.get('/engagements/E2')
    bench.identity.down = false
    expect(answer.status).toBe(503)
  })
})

test('who is let in while identity still says no is in', async () => {
  const { personId } = await person(bench)
  const { db } = bench.database
  const told = (revision: bigint) =>
    keepStanding(db, {
      membership: derivedId(personId, COMMONS),
      engagement: COMMONS as EngagementId,
      principal_kind: 'person',
      principal_id: personId,
      designations: ['contributor'],
      commit_authority: false,
      active: true,
      revision,
    })
  const client = { call: () => told(2n).then(() => null) }
  const parts = { db, client, feed: { isSilent: () => Promise.resolve(true) } } as unknown as Parameters<typeof standingNow>[0]
  const asked = () => standingNow(parts, { kind: 'person', id: personId }, COMMONS as EngagementId)
  expect(await asked()).toBeUndefined()
  expect(await standingOf(db, personId, COMMONS as EngagementId)).toMatchObject({ revision: 2n })
  expect(await asked()).toBeUndefined()
  expect(await standingOf(db, personId, COMMONS as EngagementId)).toBeUndefined()
})
