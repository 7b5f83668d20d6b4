// What is particular to NATS: logins, servers that come late, come back empty or are too old, durables that are taken away.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { newId, Transient } from '@loomworks/kernel'
import { eventually, NatsServer, NO_NATS_SERVER, natsServerProgram } from '@loomworks/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { durable, hearing, hears, idsOf, LIMITS, note, notes, SERVICE, storedOf, TOPOLOGY } from './conformance/bench.ts'
import { NatsBus } from './nats.ts'
import { type NatsUser, rightsOf } from './nats-config.ts'

const program = natsServerProgram()
const admin: NatsUser = { name: 'migrate', password: newId(), rights: { publish: ['>'], subscribe: ['>'] } }

if (program === undefined) test('the NATS adapter is shown on a real server', ({ skip }) => skip(NO_NATS_SERVER))
else describe('NATS adapter', () => shown(program))

function shown(found: string): void {
  let server: NatsServer
  let buses: NatsBus[]
  let troubles: string[]

  const opened = ({ servers = server.urlOf(admin.name), name = admin.name, mayCreate = true } = {}) => {
    const onTrouble = (error: unknown) => void troubles.push(String(error))
    const bus = new NatsBus({ servers, name, mayCreate, onTrouble })
    buses.push(bus)
    return bus
  }
  /** A service that reads from one durable and makes nothing. */
  const serviceWith = async (spec: Awaited<ReturnType<typeof durable>>) => {
    const user = { name: `s-${newId()}`, password: newId() }
    await server.add({ ...user, rights: rightsOf(user.name, { says: [`evt.${SERVICE}.>`], reads: [spec] }) })
    return opened({ servers: server.urlOf(user.name), name: user.name, mayCreate: false })
  }

  beforeEach(async () => {
    server = await NatsServer.start(found, [admin])
    buses = []
    troubles = []
  })

  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.drain(200)))
    await server[Symbol.asyncDispose]()
  })

  test('who starts before the server waits for it, and what was published meanwhile arrives', async () => {
    await server.end('SIGTERM')
    const bus = opened()
    const made = bus.ensure(TOPOLOGY)
    const message = note(newId())
    const published = bus.publish(message, { deadlineMs: 20_000 })
    await eventually(() => expect(troubles.length).toBeGreaterThan(1))
    expect(await bus.health()).toMatchObject({ ok: false })
    await server.start()
    await made
    expect(await published).toMatchObject({ duplicate: false })
    expect(await bus.health()).toEqual({ ok: true })
  })

  test('who is not let in is told so at once; who was let in before waits for better times', async () => {
    const stranger = opened({ servers: server.urlOf(admin.name).replace(admin.password, 'wrong') })
    await expect(stranger.ensure(TOPOLOGY)).rejects.toMatchObject({ name: 'Terminal', code: 'bus.login_refused' })
    await expect(stranger.publish(note(newId()))).rejects.toMatchObject({ code: 'bus.login_refused' })
    expect(await stranger.health()).toMatchObject({ ok: false })
  })

  test.each(['2.9.25', '1.4.0'])('nats-server %s is too old, in one sentence', async (version) => {
    const old = createServer((socket) => {
      const info = { server_id: 'x', version, proto: 1, headers: true, max_payload: 1_048_576, jetstream: true }
      socket.write(`INFO ${JSON.stringify(info)}\r\n`)
      socket.on('error', () => undefined)
      socket.on('data', (data) => data.includes('PING') && socket.write('PONG\r\n'))
    }).listen(0, '127.0.0.1')
    await once(old, 'listening')
    const address = old.address()
    const bus = opened({ servers: `127.0.0.1:${typeof address === 'object' ? address?.port : ''}` })
    const sentence = `The bus runs nats-server ${version}; 2.10 or newer is needed.`
    await expect(bus.ensure(TOPOLOGY)).rejects.toMatchObject({ name: 'Terminal', code: 'bus.server_too_old', message: sentence })
    old.close()
  })

  test('a server that promises its streams too little says so at once, and is not waited for', async () => {
    const streams = TOPOLOGY.streams.map((each) => ({ ...each, maxBytes: 49 * 2 ** 30 }))
    const sentence = expect.stringContaining('jetstream.max_file_store')
    await expect(opened().ensure({ ...TOPOLOGY, streams })).rejects.toMatchObject({ name: 'Terminal', code: 'bus.no_room', message: sentence })
    expect(troubles).toEqual([])
  })

  test('a server that comes back without its store: who may makes all anew, readers and tails go on', async () => {
    const bus = opened()
    await bus.ensure(TOPOLOGY)
    const entity = newId()
    const spec = await durable(bus, entity)
    await using listener = hearing(bus, spec)
    const stop = new AbortController()
    const seen: string[] = []
    const tail = (async () => {
      for await (const { id } of bus.tail('EVENTS', `evt.${SERVICE}.*.${entity}.>`, { signal: stop.signal })) seen.push(id)
    })()
    // So many that the places in the new stream are below those in the old one.
    const knocked = async () => {
      await bus.publish(note(entity))
      return seen.length
    }
    await expect.poll(knocked, LIMITS).toBeGreaterThan(10)
    await server.end('SIGKILL')
    server.forget()
    await server.start()
    const after = note(entity)
    await bus.publish(after, { deadlineMs: 20_000 })
    await expect.poll(() => idsOf(listener.heard), LIMITS).toContain(after.id)
    await expect.poll(() => seen, LIMITS).toContain(after.id)
    stop.abort()
    await tail
    expect(idsOf(await storedOf(bus, entity))).toEqual([after.id])
  })

  test('a service publishes nothing into a stream that was lost, gives nothing up, and goes on when it has been made again', async () => {
    const migrate = opened()
    await migrate.ensure(TOPOLOGY)
    const entity = newId()
    const spec = await durable(migrate, entity)
    const service = await serviceWith(spec)
    await service.ensure({ streams: TOPOLOGY.streams, consumers: [spec] })
    await using listener = hearing(service, spec)
    await migrate.drain(500)
    await server.ask(admin.name, '$JS.API.STREAM.DELETE.EVENTS')
    const message = note(entity)
    await expect(service.publish(message, { deadlineMs: 500 })).rejects.toBeInstanceOf(Transient)
    await eventually(() => expect(troubles.join()).toContain('loom migrate'))
    await opened().ensure({ streams: TOPOLOGY.streams, consumers: [spec] })
    await service.publish(message, { deadlineMs: 20_000 })
    await expect.poll(() => idsOf(listener.heard), LIMITS).toContain(message.id)
  })

  test('a durable that was deleted is told of, made again where that is allowed, and read from its beginning', async () => {
    const bus = opened()
    await bus.ensure(TOPOLOGY)
    const entity = newId()
    const spec = await durable(bus, entity)
    await using listener = hearing(bus, spec)
    const [first, second] = [note(entity), note(entity)]
    await bus.publish(first)
    await hears(listener, 1)
    await server.ask(admin.name, `$JS.API.CONSUMER.DELETE.EVENTS.${spec.durable}`)
    await bus.publish(second)
    await expect.poll(() => idsOf(listener.heard), LIMITS).toEqual([first.id, first.id, second.id])
    expect(troubles.join()).toContain(`${spec.durable} is read anew`)
  })

  test('a message that a process sees for the first time at its hundredth delivery and more is not called dead: others may have answered', async () => {
    const bus = opened()
    await bus.ensure(TOPOLOGY)
    const entity = newId()
    const spec = await durable(bus, entity, { maxPending: 1 })
    const patient = hearing(bus, spec, () => ({ retryMs: 0 }))
    await bus.publish(note(entity))
    await expect.poll(() => patient.heard.length, LIMITS).toBeGreaterThan(105)
    await patient.stop()
    await using next = hearing(opened(), spec)
    await expect.poll(() => next.heard.length, LIMITS).toBe(1)
    expect(next.heard[0]?.deliveries).toBeGreaterThan(105)
    expect(await Array.fromAsync(bus.browse('DLQ', 'dlq.>'))).toEqual([])
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'over a %s a message stays with the handler that has it, and what it says goes out on the next connection',
    async (signal) => {
      const bus = opened()
      await bus.ensure(TOPOLOGY)
      const entity = newId()
      const spec = await durable(bus, entity, { ackWaitMs: 20_000 })
      const going = Promise.withResolvers<void>()
      await using listener = hearing(bus, spec, async () => {
        await going.promise
        return 'ack' as const
      })
      await bus.publish(note(entity))
      await hears(listener, 1)
      await server.end(signal)
      await expect.poll(() => troubles.join(), LIMITS).toContain('the connection to the bus was lost')
      // A server that was killed may have forgotten that it delivered the message, and delivers it again.
      if (signal === 'SIGTERM') going.resolve()
      await server.start()
      const state = () => server.ask(admin.name, `$JS.API.CONSUMER.INFO.EVENTS.${spec.durable}`)
      await eventually(async () => expect(await state()).toMatch(/"num_waiting":1,"num_pending":0/))
      going.resolve()
      await eventually(async () => expect(await state()).toContain('"num_ack_pending":0'))
      expect(listener.heard).toHaveLength(1)
    },
  )

  test('a server that was frozen so long that its connection was given up is found again', async () => {
    const bus = opened()
    await bus.ensure(TOPOLOGY)
    const entity = newId()
    await using listener = hearing(bus, await durable(bus, entity))
    server.signal('SIGSTOP')
    try {
      await expect.poll(() => troubles.join(), LIMITS).toContain('the connection to the bus was lost')
    } finally {
      server.signal('SIGCONT')
    }
    const sent = notes(entity, 3)
    for (const each of sent) await bus.publish(each, { deadlineMs: 20_000 })
    await expect.poll(() => idsOf(listener.heard), LIMITS).toEqual(idsOf(sent))
  })

  test('filters that overlap become one that takes them all', async () => {
    const bus = opened()
    await bus.ensure(TOPOLOGY)
    const e = newId()
    const spec = await durable(bus, e, { filters: [`evt.a.*.${e}.Made`, `evt.*.0.${e}.Made`, `evt.b.1.${e}.Made`] })
    await using listener = hearing(bus, spec)
    const subjects = [`evt.a.3.${e}.Made`, `evt.c.0.${e}.Made`, `evt.b.1.${e}.Made`]
    for (const subject of subjects) await bus.publish({ subject, id: newId(), data: '{}' })
    await expect.poll(() => listener.heard.map(({ subject }) => subject), LIMITS).toEqual(subjects)
    await opened().ensure({ streams: [], consumers: [spec] })
  })

  test('what would break the protocol is refused; what others publish by hand is heard', async () => {
    const bus = opened()
    await bus.ensure(TOPOLOGY)
    const entity = newId()
    const base = note(entity)
    const refused = (message: object) => expect(bus.publish({ ...base, ...message })).rejects
    for (const subject of ['evt.a b.0.x.C', 'evt.a.0.x.C\r\nPING', 'evt.*.0.x.C', 'evt.>', '']) await refused({ subject }).toMatchObject({ code: 'unroutable' })
    for (const headers of [{ a: 'line\nbreak' }, { 'a b': 'x' }, { 'a:b': 'x' }]) await refused({ headers }).toMatchObject({ code: 'bus.header_refused' })
    await refused({ id: 'line\r\nbreak' }).toMatchObject({ code: 'bus.header_refused' })
    await refused({ headers: { a: 'x'.repeat(8192) } }).toMatchObject({ code: 'bus.message_too_large' })
    await server.ask(admin.name, base.subject, '{"n":7}')
    await using listener = hearing(bus, await durable(bus, entity))
    await hears(listener, 1)
    expect(listener.heard[0]).toMatchObject({ id: 'EVENTS/1', subject: base.subject, data: '{"n":7}', headers: {} })
  })
}
