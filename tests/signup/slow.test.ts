// A signup that takes longer than its answer: a participant is away for a while, or too long, or the host's clock jumps (saga page §3.3).
import type { Clock } from '@loomworks/kernel'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWhole, type Whole } from '../whole.ts'
import { eventsOf, proven } from './ceremony.ts'

const FIRST_ATTEMPT = 10_000
const BEYOND_DEADLINE_MS = 31_000

let whole: Whole
let aheadMs = 0
const jumping: Clock = { now: () => Date.now() + aheadMs }
const steady: Clock = { now: () => Date.now() }

beforeAll(async () => {
  whole = await startWhole({ clockOf: (service) => (service === 'identity' ? jumping : steady) })
})
afterAll(() => whole[Symbol.asyncDispose]())

test('memory is away for some seconds: 202, the way to follow it, and a person once memory is back', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  const path = `/auth/signup/${registration.id}`
  whole.canaries.push(...registration.secrets)
  const followed = eventsOf(whole.url, `${path}/events`)
  const followedFromNowhere = eventsOf(whole.url, `${path}/events`, 'nowhere')
  await whole.instance.part('memory').stop()

  const accepted = await registration.finish()
  expect(accepted).toMatchObject({ status: 202, body: { registration_id: registration.id, status_url: path, events_url: `${path}/events`, state: 'pending' } })
  expect([accepted.headers.get('location'), accepted.headers.get('retry-after')]).toEqual([path, '1'])
  expect(await registration.progress()).toMatchObject({ state: 'pending', phase: 'preparing' })
  expect(await registration.finish('lwc_another')).toMatchObject({ status: 409, body: { code: 'signup.in_progress' } })

  const attached = registration.finish()
  await whole.instance.part('memory').start()
  expect(await attached).toMatchObject({ status: 200, body: { session: { token: expect.any(String) } } })
  expect(await registration.progress()).toMatchObject({ state: 'completed', next: { method: 'POST', href: '/auth/signup/totp-verify' } })

  const events = await followed
  expect(await followedFromNowhere).toEqual(events)
  expect(events[0]).toMatchObject({ data: { state: 'pending', phase: 'preparing' } })
  expect(events.at(-1)).toMatchObject({ data: { state: 'completed' } })
  expect(events.map(({ id }) => id)).toEqual([...new Set(events.map(({ id }) => id))].sort((a, b) => a - b))
  expect(events[0]?.id).toBeGreaterThanOrEqual(FIRST_ATTEMPT)
  const lastId = events.at(-1)?.id ?? 0
  expect(await eventsOf(whole.url, `${path}/events`, lastId)).toEqual([events.at(-1)])
  await whole.holds()
})

test('while memory is away its own routes say so, and the others answer', async () => {
  const { client, signUp } = whole.newcomer()
  await signUp()
  await whole.instance.part('memory').stop()
  expect(await client.ask('GET', '/engagements')).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
  expect((await client.ask('GET', '/me')).status).toBe(200)
  await whole.instance.part('memory').start()
  expect((await client.ask('GET', '/engagements')).status).toBe(200)
})

test('F15 and F18: the personal engagement is not made in time, so nobody is left over; the next attempt succeeds', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  await whole.instance.part('memory').stop()
  expect((await registration.finish()).status).toBe(202)

  aheadMs = BEYOND_DEADLINE_MS
  await eventually(async () => expect(await registration.progress()).toMatchObject({ state: 'pending', phase: 'undoing' }))
  aheadMs = 0
  await whole.instance.part('memory').start()

  await eventually(async () => expect(await registration.progress()).toMatchObject({ state: 'failed', code: 'signup.timed_out', http_status: 503 }))
  await whole.holds()
  await eventually(async () => expect((await registration.finish()).status).toBe(200))
  await whole.holds()
})
