// Streams that stay open: as long as the session, a few per principal, and asked to come back when this instance stops.
import { newId, tokenHash } from '@loomworks/kernel'
import { eventually, fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { bearer, freePort, type GatewayBench, gatewayBench, json } from './gateway-bench.ts'

const clock = fakeClock()
const A_TOKENS_LIFE_MS = 60_000
let bench: GatewayBench
let opsPort: number

beforeAll(async () => {
  opsPort = await freePort()
  bench = await gatewayBench({ adminUrl: inject('adminUrl'), clock, environment: { OPS_PORT: String(opsPort) }, socket: { streamsCheckedEveryMs: 50 } })
})
afterAll(() => bench[Symbol.asyncDispose]())

interface Followed {
  readonly status: number
  /** All that was heard until now. */
  heard(): string
  readonly ended: Promise<'ended' | 'broke'>
  leave(): void
}

async function follow(headers: Record<string, string>, target = '/jobs/events', at: GatewayBench = bench): Promise<Followed> {
  const leaving = new AbortController()
  const answer = await fetch(at.url + target, { headers, signal: leaving.signal })
  let heard = ''
  const read = async () => {
    for await (const chunk of answer.body ?? []) heard += Buffer.from(chunk).toString()
  }
  const ended = read().then(
    () => 'ended' as const,
    () => 'broke' as const,
  )
  return { status: answer.status, heard: () => heard, ended, leave: () => leaving.abort() }
}

const isOpen = ({ heard }: Followed) => eventually(() => expect(heard()).toContain('event: open'))

function opened() {
  const session = { actor: { kind: 'person' as const, id: newId<'person'>() }, sessionId: newId() }
  const token = bench.token(session)
  return { token, says: (claims: { code: string } | typeof session) => bench.identity.credentials.set(tokenHash(token), claims), session }
}

const metrics = async () => (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text()

describe('a stream ends', () => {
  test('when its session is over, though nobody says so', async () => {
    const ada = opened()
    const stream = await follow(bearer(ada.token))
    await isOpen(stream)
    ada.says({ code: 'session_expired' })
    clock.advance(A_TOKENS_LIFE_MS)
    expect(await stream.ended).toBe('ended')
  })

  test('when its token was replaced, and is asked to come back: identity is asked again, and not shown that one late', async () => {
    const ada = opened()
    const stream = await follow(bearer(ada.token))
    await isOpen(stream)
    expect(await bench.ask('POST', '/auth/step-up/finish', { headers: bearer(ada.token) })).toMatchObject({ status: 204 })
    ada.says({ code: 'token_refused' })
    const [asked, again] = [bench.identity.introspections, bench.identity.askedAgain]
    clock.advance(A_TOKENS_LIFE_MS)
    expect(await stream.ended).toBe('ended')
    expect(stream.heard()).toMatch(/retry: \d+\n\n$/)
    const more = bench.identity.introspections - asked
    expect(more).toBeGreaterThan(0)
    expect(bench.identity.askedAgain).toBe(again + more)
  })

  test('not because a stranger asked to end its session and did not wait for the answer', async () => {
    const [ada, mallory] = [opened(), opened()]
    const stream = await follow(bearer(ada.token))
    await isOpen(stream)
    expect(await bench.ask('POST', '/auth/login/passkey/begin', { headers: bearer(mallory.token) })).toMatchObject({ status: 204 })
    const told = Promise.withResolvers<void>()
    bench.identity.until = told.promise
    const [leaving, asked] = [new AbortController(), bench.identity.passedOn.length]
    const target = `/auth/sessions/${ada.session.sessionId}`
    const ends = bench.ask('DELETE', target, { headers: bearer(mallory.token), signal: leaving.signal }).catch(() => 'left')
    await eventually(() => expect(bench.identity.passedOn.length).toBe(asked + 1))
    leaving.abort()
    expect(await ends).toBe('left')
    await eventually(async () => expect(await metrics()).toContain('operation="revokeSession",status="499"} 1\n'))
    told.resolve()
    await eventually(() => expect(bench.upstream.bus.listenerCount('event')).toBe(1))
    bench.upstream.emit({ id: '1', event: 'meanwhile', data: {} })
    await eventually(() => expect(stream.heard()).toContain('event: meanwhile'))
    expect(stream.heard()).not.toContain('retry:')
    stream.leave()
    await eventually(() => expect(bench.upstream.bus.listenerCount('event')).toBe(0))
  })

  test('not because identity is out of reach, but when it says no again', async () => {
    const ada = opened()
    const stream = await follow(bearer(ada.token))
    await isOpen(stream)
    bench.identity.down = true
    clock.advance(A_TOKENS_LIFE_MS)
    const asked = bench.identity.introspections
    await eventually(() => expect(bench.upstream.bus.listenerCount('event')).toBe(1))
    bench.upstream.emit({ id: '1', event: 'meanwhile', data: {} })
    await eventually(() => expect(stream.heard()).toContain('event: meanwhile'))
    ada.says({ code: 'account_locked' })
    bench.identity.down = false
    expect(await stream.ended).toBe('ended')
    expect(bench.identity.introspections).toBeGreaterThan(asked)
  })
})

describe('of one principal ten are open at most:', () => {
  async function open(count: number, headers: Record<string, string>, target?: string): Promise<readonly Followed[]> {
    return Promise.all(Array.from({ length: count }, () => follow(headers, target)))
  }
  const leave = async (streams: readonly Followed[]) => {
    for (const each of streams) each.leave()
    await eventually(() => expect(bench.upstream.bus.listenerCount('event')).toBe(0))
  }

  test('the eleventh is refused, in another session too; others may, and so may they when one has ended', async () => {
    const ada = opened()
    const streams = await open(10, bearer(ada.token))
    expect(streams.map(({ status }) => status)).toEqual(Array(10).fill(200))
    const again = bench.token({ ...ada.session, sessionId: newId() })
    const refused = await bench.ask('GET', '/jobs/events', { headers: bearer(again) })
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_streams' } })
    expect(refused.headers.get('retry-after')).toBe('5')
    const [another] = await open(1, bearer(bench.token()))
    expect(another?.status).toBe(200)
    streams[0]?.leave()
    await eventually(async () => {
      const [eleventh] = await open(1, bearer(ada.token))
      expect(eleventh?.status).toBe(200)
    })
    bench.upstream.bus.emit('error', new Error('over'))
    await Promise.all(streams.slice(1).map(({ ended }) => ended))
  })

  test('those whose client left before they were open are not counted', async () => {
    const ada = opened()
    const leaving = new AbortController()
    const asked = bench.identity.introspections
    const told = Promise.withResolvers<void>()
    bench.identity.until = told.promise
    const left = Array.from({ length: 10 }, () => {
      const headers = bearer(bench.token({ ...ada.session, sessionId: newId() }))
      return fetch(`${bench.url}/jobs/events`, { headers, signal: leaving.signal }).catch(() => 'left')
    })
    await eventually(() => expect(bench.identity.introspections).toBe(asked + 10))
    leaving.abort()
    expect(await Promise.all(left)).toEqual(Array(10).fill('left'))
    await eventually(async () => expect(await metrics()).toContain('service="gateway",operation="follow",status="499"} 10\n'))
    told.resolve()
    const eleventh = await follow(bearer(ada.token))
    expect(eleventh.status).toBe(200)
    expect(await metrics()).toContain('sse_streams{service="gateway"} 1\n')
    await leave([eleventh])
  })

  test('strangers are counted by their address', async () => {
    const streams = await open(10, {}, '/catalogue/events')
    expect(streams.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(await bench.ask('GET', '/catalogue/events')).toMatchObject({ status: 429, body: { code: 'too_many_streams' } })
    await Promise.all(streams.map(isOpen))
    await leave(streams)
  })

  test('requests do not wait behind the streams of others', async () => {
    const streams = (await Promise.all(Array.from({ length: 14 }, () => open(10, bearer(bench.token()))))).flat()
    await Promise.all(streams.map(isOpen))
    expect(await bench.ask('GET', '/engagements/e1', { headers: bearer(bench.token()) })).toMatchObject({ status: 200 })
    await leave(streams)
  })
})

test('an instance that stops says so at once, ends what runs, and asks streams to come back each at a moment of its own', async () => {
  await using stopping = await gatewayBench({ adminUrl: inject('adminUrl') })
  const token = stopping.token()
  const streams = await Promise.all(Array.from({ length: 8 }, () => follow(bearer(token), '/jobs/events', stopping)))
  await Promise.all(streams.map(isOpen))
  const running = stopping.ask('POST', '/jobs/slow', { body: '{}', headers: json(token) })
  await eventually(() => expect(stopping.upstream.waiting).toBe(1))
  const stopped = stopping.gateway.stop(5000, 200)
  expect(await stopping.ask('GET', '/readyz')).toMatchObject({ status: 503, body: { ready: false } })
  expect(await stopping.ask('GET', '/engagements/e1', { headers: bearer(token) })).toMatchObject({ status: 200 })
  expect(await running).toMatchObject({ status: 504 })
  expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual(Array(8).fill('ended'))
  const waits = streams.map(({ heard }) => Number(/retry: (\d+)\n\n$/.exec(heard())?.[1]))
  for (const ms of waits) expect(ms).toSatisfy((each: number) => each >= 1000 && each <= 5000)
  expect(new Set(waits).size).toBeGreaterThan(1)
  await stopped
  await expect(stopping.ask('GET', '/livez')).rejects.toThrow()
})
