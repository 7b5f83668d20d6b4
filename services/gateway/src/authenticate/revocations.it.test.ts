// What ends with a session: what is kept of it, and what is open because of it (identity page §13.3, §14).
import { setTimeout as delay } from 'node:timers/promises'
import { type Bus, outboxRowOf, PostgresBus } from '@loomworks/bus'
import {
  AccountStatusChanged,
  AgentChanged,
  AgentTokenRevoked,
  type EventType,
  MembershipChanged,
  MembershipRevoked,
  PersonLocked,
  RoleGranted,
  RoleRevoked,
  SessionRevoked,
} from '@loomworks/contracts'
import { newId, type PersonId, tokenHash } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { bearer, type GatewayBench, gatewayBench } from '../gateway-bench.ts'

let bench: GatewayBench

beforeAll(async () => {
  bench = await gatewayBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())

interface Session {
  readonly token: string
  readonly personId: PersonId
  readonly sessionId: string
}

function opened(): Session {
  const [personId, sessionId]: [PersonId, string] = [newId(), newId()]
  return { token: bench.token({ actor: { kind: 'person', id: personId }, sessionId }), personId, sessionId }
}

const look = ({ token }: Session, target = '/engagements/e1') => bench.ask('GET', target, { headers: bearer(token) })

/** Identity ends the session; what was minted before lives on for its minute. */
function ended({ token }: Session): void {
  bench.identity.credentials.set(tokenHash(token), { code: 'session_expired' })
}

async function publish(type: EventType, data: object): Promise<void> {
  const cause = newId()
  const stating = {
    at: new Date().toISOString(),
    actor: { kind: 'service', id: 'signup' },
    correlationId: cause,
    causationId: cause,
    traceparent: childTrace(),
  } as const
  const { id, subject, headers, data: text } = outboxRowOf({ type, data, cause }, stating)
  await bench.platform.bus.publish({ subject, id, headers: { ...headers, 'message-id': id }, data: text })
}

const revoke = ({ personId, sessionId }: Session) => publish(SessionRevoked, { personId, sessionId, reason: 'revoked' })

test('what was kept of a session is good for its minute when nobody says anything', async () => {
  const ada = opened()
  expect(await look(ada)).toMatchObject({ status: 200 })
  ended(ada)
  expect(await look(ada)).toMatchObject({ status: 200 })
})

test('a log-out through this gateway is felt by the next request', async () => {
  const ada = opened()
  expect(await look(ada)).toMatchObject({ status: 200 })
  ended(ada)
  // Identity ends the session while it answers; the gateway forgets when the answer passes.
  bench.identity.credentials.set(tokenHash(ada.token), { actor: { kind: 'person', id: ada.personId }, sessionId: ada.sessionId })
  expect(await bench.ask('POST', '/auth/logout', { headers: bearer(ada.token) })).toMatchObject({ status: 204 })
  ended(ada)
  expect(await look(ada)).toMatchObject({ status: 401, body: { code: 'session_expired' } })
})

test('a session that ended elsewhere is refused here within a second', async () => {
  const ms: number[] = []
  for (let round = 0; round < 30; round++) {
    const ada = opened()
    expect(await look(ada)).toMatchObject({ status: 200 })
    ended(ada)
    const began = performance.now()
    await revoke(ada)
    await eventually(async () => expect((await look(ada)).status).toBe(401))
    ms.push(performance.now() - began)
  }
  ms.sort((a, b) => a - b)
  expect(ms.at(-1), `slowest of ${ms.length}`).toBeLessThan(1000)
})

test('what a person may do is asked anew when they were given a role', async () => {
  const ada = opened()
  expect(await look(ada, '/catalogue/staff')).toMatchObject({ status: 403 })
  bench.identity.credentials.set(tokenHash(ada.token), { actor: { kind: 'person', id: ada.personId }, sessionId: ada.sessionId, roles: ['auditor'] })
  expect(await look(ada, '/catalogue/staff')).toMatchObject({ status: 403 })
  await publish(RoleGranted, { personId: ada.personId, by: { kind: 'service', id: 'signup' }, role: 'auditor' })
  await eventually(async () => expect((await look(ada, '/catalogue/staff')).status).toBe(200))
})

test('what a person may do is asked anew when a role was taken from them, or they were locked', async () => {
  const ada = opened()
  const by = { kind: 'service', id: 'signup' } as const
  const holds = (roles: readonly 'auditor'[]) =>
    bench.identity.credentials.set(tokenHash(ada.token), { actor: { kind: 'person', id: ada.personId }, sessionId: ada.sessionId, roles })
  holds(['auditor'])
  expect(await look(ada, '/catalogue/staff')).toMatchObject({ status: 200 })
  holds([])
  await publish(RoleRevoked, { personId: ada.personId, by, role: 'auditor' })
  await eventually(async () => expect((await look(ada, '/catalogue/staff')).status).toBe(403))
  bench.identity.credentials.set(tokenHash(ada.token), { code: 'account_locked' })
  await publish(PersonLocked, { personId: ada.personId, by })
  await eventually(async () => expect(await look(ada)).toMatchObject({ status: 403, body: { code: 'account_locked' } }))
})

test('a person who is suspended meets it within a second in the sessions they have, and keeps what a suspended account may do', async () => {
  const ada = opened()
  const account = (status: 'active' | 'suspended') =>
    bench.identity.credentials.set(tokenHash(ada.token), { actor: { kind: 'person', id: ada.personId }, sessionId: ada.sessionId, account: status })
  account('active')
  expect(await look(ada)).toMatchObject({ status: 200 })
  account('suspended')
  const began = performance.now()
  const decided = { reason: 'window', decidedBy: 'credit', decisionId: newId() }
  await publish(AccountStatusChanged, { personId: ada.personId, from: 'exhausted', to: 'suspended', ...decided })
  await eventually(async () => expect(await look(ada)).toMatchObject({ status: 403, body: { code: 'account_suspended' } }))
  expect(performance.now() - began).toBeLessThan(1000)
  expect(await look(ada, '/catalogue/open')).toMatchObject({ status: 200 })
  account('active')
  await publish(AccountStatusChanged, { personId: ada.personId, from: 'suspended', to: 'active', ...decided, decisionId: newId() })
  await eventually(async () => expect(await look(ada)).toMatchObject({ status: 200 }))
})

test('a step-up through this gateway is felt by the next request: the old token is asked about anew', async () => {
  const ada = opened()
  expect(await look(ada)).toMatchObject({ status: 200 })
  const proof = { headers: { ...bearer(ada.token), 'content-type': 'application/json' }, body: '{"totp_code":"000000"}' }
  expect(await bench.ask('POST', '/auth/step-up/finish', proof)).toMatchObject({ status: 204 })
  ended(ada)
  expect(await look(ada)).toMatchObject({ status: 401, body: { code: 'session_expired' } })
})

test('what an agent may do is asked anew when it changes, when a token of it ends, and when who answers for it is locked or is what they were there no longer', async () => {
  const [agentId, sponsor] = [newId<'agent'>(), newId<'person'>()]
  const scribe = { actor: { kind: 'agent', id: agentId, instructionVersion: 1 }, scopes: ['memory.read'], sponsor } as const
  const changes = [
    () => publish(AgentChanged, { agentId, engagementId: newId(), instructionVersion: 1, sponsorId: sponsor, state: 'disabled' }),
    () => publish(AgentTokenRevoked, { agentId, tokenId: newId(), scopes: ['memory.read'], expiresAt: new Date().toISOString(), reason: 'revoked' }),
    () => publish(PersonLocked, { personId: sponsor, by: { kind: 'service', id: 'operator' } }),
    () =>
      publish(AccountStatusChanged, {
        personId: sponsor,
        from: 'active',
        to: 'suspended',
        reason: AccountStatusChanged.sample.reason,
        decidedBy: 'credit',
        decisionId: newId(),
      }),
    () => publish(MembershipChanged, { ...MembershipChanged.sample, principal: { kind: 'person', id: sponsor } }),
    () => publish(MembershipRevoked, { ...MembershipRevoked.sample, principal: { kind: 'person', id: sponsor } }),
  ]
  for (const change of changes) {
    const token = bench.token(scribe)
    const look = () => bench.ask('GET', '/catalogue/agents', { headers: bearer(token) })
    expect(await look()).toMatchObject({ status: 200 })
    bench.identity.credentials.set(tokenHash(token), { code: 'token_refused' })
    expect(await look()).toMatchObject({ status: 200 })
    await change()
    await eventually(async () => expect(await look()).toMatchObject({ status: 401, body: { code: 'token_refused' } }))
  }
})

/** A bus on which it takes a while to get a place in a stream. */
function slowToListen(bus: Bus, told: () => void): Bus {
  return {
    ensure: (topology) => bus.ensure(topology),
    publish: (message, options) => bus.publish(message, options),
    consume: (spec, handler) => bus.consume(spec, handler),
    async *tail(stream, filter, { signal, onListening }) {
      await delay(300, undefined, { signal })
      const listening = () => {
        told()
        onListening?.()
      }
      yield* bus.tail(stream, filter, { signal, onListening: listening })
    },
    browse: (stream, filter, from) => bus.browse(stream, filter, from),
    depth: (consumers) => bus.depth(consumers),
    health: () => bus.health(),
    drain: (deadlineMs) => bus.drain(deadlineMs),
  }
}

test('an instance is not ready before it hears of sessions that end, and misses none from then on', async () => {
  const ada = opened()
  let listens = false
  const bus = slowToListen(new PostgresBus({ db: bench.platform.databaseOf('gateway'), onTrouble: () => undefined }), () => {
    listens = true
  })
  await using another = await bench.another(bus)
  expect(listens).toBe(true)
  const there = () => another.ask('GET', '/engagements/e1', { headers: bearer(ada.token) })
  expect(await there()).toMatchObject({ status: 200 })
  ended(ada)
  await revoke(ada)
  await eventually(async () => expect(await there()).toMatchObject({ status: 401 }))
})

test('the end of one session leaves the others of the person', async () => {
  const [ada, other] = [opened(), opened()]
  await look(ada)
  await look(other)
  const before = bench.identity.introspections
  ended(ada)
  await revoke(ada)
  await eventually(async () => expect((await look(ada)).status).toBe(401))
  const asked = bench.identity.introspections
  expect(asked).toBeGreaterThan(before)
  expect(await look(other)).toMatchObject({ status: 200 })
  expect(bench.identity.introspections).toBe(asked)
})

test('a message that is no event does not deafen the gateway', async () => {
  const ada = opened()
  await look(ada)
  ended(ada)
  await bench.platform.bus.publish({ subject: `evt.identity.0.${newId()}.SessionRevoked`, id: newId(), data: '{"no":"event"}' })
  await revoke(ada)
  await eventually(async () => expect((await look(ada)).status).toBe(401))
})

describe('a stream', () => {
  const OTHER = newId()
  async function follow({ token }: Pick<Session, 'token'>, headers: Record<string, string> = {}) {
    const leaving = new AbortController()
    const answer = await fetch(`${bench.url}/jobs/events`, { headers: { ...bearer(token), ...headers }, signal: leaving.signal })
    const reader = (answer.body ?? new ReadableStream<Uint8Array>()).getReader()
    const next = async () => {
      const { done, value } = await reader.read()
      return done ? undefined : Buffer.from(value).toString()
    }
    return { answer, next, leave: () => leaving.abort() }
  }
  const following = () => bench.upstream.bus.listenerCount('event')

  test('passes event by event, none held back, with the id the client has seen last', async () => {
    const { answer, next, leave } = await follow(opened(), { 'last-event-id': '41' })
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(await next()).toBe('id: 0\nevent: open\ndata: {"after":"41"}\n\n')
    for (const id of ['42', '43']) {
      await eventually(() => expect(following()).toBe(1))
      bench.upstream.emit({ id, event: 'step', data: { id } })
      expect(await next()).toBe(`id: ${id}\nevent: step\ndata: {"id":"${id}"}\n\n`)
    }
    leave()
    await eventually(() => expect(following()).toBe(0))
  })

  test('ends whole when its session ends, and so does the work behind it', async () => {
    const ada = opened()
    const { next } = await follow(ada)
    expect(await next()).toContain('event: open')
    await eventually(() => expect(following()).toBe(1))
    ended(ada)
    await revoke(ada)
    expect(await next()).toMatch(/^retry: \d+\n\n$/)
    expect(await next()).toBeUndefined()
    await eventually(() => expect(following()).toBe(0))
    bench.upstream.emit({ id: '1', event: 'late', data: {} })
    expect(await look(opened())).toMatchObject({ status: 200 })
  })

  test('of an agent ends when who answers for it may do something else', async () => {
    const sponsor = newId<'person'>()
    const scribe = { actor: { kind: 'agent', id: newId<'agent'>(), instructionVersion: 1 }, scopes: ['memory.read'], sponsor } as const
    const { next } = await follow({ token: bench.token(scribe) })
    expect(await next()).toContain('event: open')
    await publish(MembershipRevoked, { ...MembershipRevoked.sample, principal: { kind: 'person', id: sponsor } })
    expect(await next()).toMatch(/^retry: /)
    expect(await next()).toBeUndefined()
  })

  test('goes on when another session of the person ends, and ends with its own', async () => {
    const ada = opened()
    const [own, other] = [await follow(ada), await follow({ token: bench.token({ actor: { kind: 'person', id: ada.personId }, sessionId: OTHER }) })]
    for (const { next } of [own, other]) expect(await next()).toContain('event: open')
    await eventually(() => expect(following()).toBe(2))
    const endsOne = (id: string) => bench.ask('DELETE', `/auth/sessions/${id}`, { headers: bearer(ada.token) })
    expect(await endsOne(OTHER)).toMatchObject({ status: 204 })
    expect(await other.next()).toMatch(/^retry: /)
    await eventually(() => expect(following()).toBe(1))
    bench.upstream.emit({ id: '1', event: 'step', data: {} })
    expect(await own.next()).toContain('event: step')
    expect(await endsOne(ada.sessionId)).toMatchObject({ status: 204 })
    expect(await own.next()).toMatch(/^retry: /)
    expect(await own.next()).toBeUndefined()
  })

  test('goes on when its session gets another token', async () => {
    const ada = opened()
    const { next, leave } = await follow(ada)
    expect(await next()).toContain('event: open')
    await eventually(() => expect(following()).toBe(1))
    expect(await bench.ask('POST', '/auth/step-up/finish', { headers: bearer(ada.token) })).toMatchObject({ status: 204 })
    bench.upstream.emit({ id: '1', event: 'step', data: {} })
    expect(await next()).toContain('event: step')
    leave()
    await eventually(() => expect(following()).toBe(0))
  })

  test('ends when the service ends it', async () => {
    const { next } = await follow(opened())
    await next()
    await eventually(() => expect(following()).toBe(1))
    bench.upstream.bus.emit('error', new Error('over'))
    await expect(Promise.race([next(), next()])).resolves.toBeUndefined()
  })
})
