// A session that ends is refused by every instance of the gateway, on both buses; and where no bus says it, after its minute.
import { type Bus, outboxRowOf, PostgresBus } from '@loomworks/bus'
import { NatsBus } from '@loomworks/bus/nats'
import { SessionRevoked } from '@loomworks/contracts'
import { newId, type PersonId, tokenHash } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { eventually, fakeClock, NatsServer, NO_NATS_SERVER, natsServerProgram } from '@loomworks/testing'
import { describe, expect, inject, test } from 'vitest'
import { type Another, bearer, type GatewayBench, gatewayBench } from '../gateway-bench.ts'

const ROUNDS = 20
const WITHIN_MS = 1000
const silent = () => undefined

interface Door {
  ask: GatewayBench['ask']
}

/** Ends sessions one after the other, each known to both doors, and gives how long it took until both refused it. */
async function ended(bench: GatewayBench, doors: readonly Door[]): Promise<readonly number[]> {
  const ms: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const [personId, sessionId]: [PersonId, string] = [newId(), newId()]
    const token = bench.token({ actor: { kind: 'person', id: personId }, sessionId })
    const statuses = () => Promise.all(doors.map(async (door) => (await door.ask('GET', '/engagements/e1', { headers: bearer(token) })).status))
    expect(await statuses()).toEqual(doors.map(() => 200))
    bench.identity.credentials.set(tokenHash(token), { code: 'session_expired' })
    const began = performance.now()
    await publishRevoked(bench.platform.bus, { personId, sessionId, reason: 'revoked' })
    await eventually(async () => expect(await statuses()).toEqual(doors.map(() => 401)))
    ms.push(performance.now() - began)
  }
  return ms.toSorted((a, b) => a - b)
}

async function publishRevoked(bus: Bus, data: { personId: PersonId; sessionId: string; reason: 'revoked' }): Promise<void> {
  const cause = newId()
  const about = { actor: { kind: 'service', id: 'signup' }, correlationId: cause, causationId: cause, traceparent: childTrace() } as const
  const stated = outboxRowOf({ type: SessionRevoked, data: data as never, cause }, { ...about, at: new Date().toISOString() })
  await bus.publish({ subject: stated.subject, id: stated.id, headers: { ...stated.headers, 'message-id': stated.id }, data: stated.data })
}

describe('a session that ended is refused within a second by two instances of the gateway,', () => {
  test('on the bus in PostgreSQL', async () => {
    await using bench = await gatewayBench({ adminUrl: inject('adminUrl') })
    await using another: Another = await bench.another(new PostgresBus({ db: bench.platform.databaseOf('gateway'), onTrouble: silent }))
    expect((await ended(bench, [bench, another])).at(-1)).toBeLessThan(WITHIN_MS)
  })

  test('on NATS', async ({ skip }) => {
    const program = natsServerProgram()
    if (program === undefined) return skip(NO_NATS_SERVER)
    await using server = await NatsServer.start(program, [{ name: 'migrate', password: newId(), rights: { publish: ['>'], subscribe: ['>'] } }])
    const connected = (name: string) => new NatsBus({ servers: server.urlOf('migrate'), name, mayCreate: true, onTrouble: silent })
    await using bench = await gatewayBench({ adminUrl: inject('adminUrl'), bus: connected('first') })
    await using another: Another = await bench.another(connected('second'))
    expect((await ended(bench, [bench, another])).at(-1)).toBeLessThan(WITHIN_MS)
  })
})

test('where no bus says so, it is refused after the minute its token lives', async () => {
  const clock = fakeClock()
  await using bench = await gatewayBench({ adminUrl: inject('adminUrl'), clock })
  const token = bench.token()
  const status = async () => (await bench.ask('GET', '/engagements/e1', { headers: bearer(token) })).status
  expect(await status()).toBe(200)
  bench.identity.credentials.set(tokenHash(token), { code: 'session_expired' })
  clock.advance(54_000)
  expect(await status()).toBe(200)
  clock.advance(6000)
  expect(await status()).toBe(401)
})
