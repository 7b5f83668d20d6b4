// On a real server: what each service may say and read, and that nothing else gets through, whoever tries.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConsumerSpec, natsServerConfig } from '@loomworks/bus'
import { NatsBus } from '@loomworks/bus/nats'
import { NATS_STREAMS } from '@loomworks/contracts'
import { newId, ServiceName } from '@loomworks/kernel'
import { consumersOf } from '@loomworks/service-kit'
import { NatsServer, NO_NATS_SERVER, natsServerProgram } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MIGRATE_USER, natsUsersOf, placeholderOf } from './nats-config.ts'
import { SERVICES } from './services.ts'

const program = natsServerProgram()
const silent = () => undefined
const DURABLES: readonly ConsumerSpec[] = SERVICES.flatMap((service) => consumersOf(service))
const REFUSED = /-ERR 'Permissions Violation/
const ownDurables = (name: string) => DURABLES.filter(({ service }) => service === name).map(({ stream, durable }) => `${stream}.${durable}`)
const PAIRS = ServiceName.options.flatMap((one) => ServiceName.options.filter((other) => other !== one).map((other) => [one, other] as const))

if (program === undefined) test('the rights of NATS users are shown on a real server', ({ skip }) => skip(NO_NATS_SERVER))
else describe('NATS users', () => shown(program))

function shown(found: string): void {
  let server: NatsServer
  const buses: NatsBus[] = []
  const busOf = (name: string, mayCreate = false) => {
    const bus = new NatsBus({ servers: server.urlOf(name), name, mayCreate, onTrouble: silent })
    buses.push(bus)
    return bus
  }

  beforeAll(async () => {
    server = await NatsServer.start(
      found,
      natsUsersOf(SERVICES, () => newId()),
    )
    await busOf(MIGRATE_USER, true).ensure({ streams: NATS_STREAMS, consumers: DURABLES })
  })

  afterAll(async () => {
    await Promise.all(buses.map((bus) => bus.drain(500)))
    await server[Symbol.asyncDispose]()
  })

  test.each(ServiceName.options)('%s says what is its own to say', async (name) => {
    const bus = busOf(name)
    const own = [`evt.${name}.0.x.Made`, `dlq.${name}.schema`, 'saga.rep.x.reserve', `saga.cmd.identity.x.start-${name}.do`]
    for (const subject of own) expect(await bus.publish({ subject, id: newId(), data: '{}' }), subject).toMatchObject({ duplicate: false })
  })

  test.each(PAIRS)('%s says nothing in the name of %s, and is told so at once', async (one, other) => {
    const bus = busOf(one)
    const forged = [`evt.${other}.0.x.Made`, `dlq.${other}.schema`, `saga.cmd.identity.x.start-${other}.do`, `saga.cmd.${other}.x.reserve.do`]
    const began = performance.now()
    for (const subject of one === 'identity' ? forged.slice(0, 2) : forged) {
      await expect(bus.publish({ subject, id: newId(), data: '{}' }), subject).rejects.toMatchObject({ name: 'Terminal', code: 'bus.subject_refused' })
      expect(await server.ask(one, subject, '{}')).toMatch(REFUSED)
    }
    expect(performance.now() - began).toBeLessThan(3000)
  })

  test('identity alone sends commands', async () => {
    for (const name of ServiceName.options) {
      const outcome = await server.ask(name, 'saga.cmd.identity.x.activate.do', '{}')
      expect([name, REFUSED.test(outcome)]).toEqual([name, name !== 'identity'])
    }
  })

  test.each(SERVICES.filter((service) => consumersOf(service).length > 0))('$name takes from its own durables, and settles', async (service) => {
    for (const { stream, durable } of consumersOf(service)) {
      expect(await server.ask(service.name, `$JS.API.CONSUMER.INFO.${stream}.${durable}`), durable).toContain('"num_pending"')
      expect(await server.ask(service.name, `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, '{"batch":1,"no_wait":true}'), durable).not.toMatch(REFUSED)
      expect(await server.ask(service.name, `$JS.ACK.${stream}.${durable}.1.1.1.1.0`, '+ACK'), durable).not.toMatch(REFUSED)
    }
    await busOf(service.name).ensure({ streams: NATS_STREAMS, consumers: consumersOf(service) })
  })

  test.each(PAIRS)('%s takes nothing from the durables of %s, and settles nothing there', async (one, other) => {
    const foreign = DURABLES.filter(({ service }) => service === other)
    for (const { stream, durable } of foreign.slice(0, 3)) {
      for (const [subject, body] of [
        [`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, '{"batch":1,"no_wait":true}'],
        [`$JS.ACK.${stream}.${durable}.1.1.1.1.0`, '+ACK'],
        [`$JS.ACK._.hash.${stream}.${durable}.1.1.1.1.0`, '+TERM'],
        // Read as newer servers read it, this is an acknowledgement on a durable of its own; this server reads it the other way.
        ...ownDurables(one).map((own) => [`$JS.ACK.${stream}.${durable}.${own}.1.1.1`, '+NXT'] as const),
        ...ownDurables(one).map((own) => [`$JS.ACK.${own}.${stream}.${durable}.1.1.1.1.0`, '+NXT'] as const),
        [`$JS.API.CONSUMER.INFO.${stream}.${durable}`, ''],
        [`$JS.API.CONSUMER.DELETE.${stream}.${durable}`, ''],
        [`$JS.API.CONSUMER.CREATE.${stream}.${durable}`, JSON.stringify({ stream_name: stream, config: { durable_name: durable, ack_policy: 'explicit' } })],
      ] as const)
        expect(await server.ask(one, subject, body), subject).toMatch(REFUSED)
    }
  })

  test.each(ServiceName.options)('%s makes, changes and empties no stream, and reads no answer to another', async (name) => {
    for (const api of [
      'STREAM.CREATE.X',
      'STREAM.UPDATE.EVENTS',
      'STREAM.DELETE.EVENTS',
      'STREAM.PURGE.EVENTS',
      'STREAM.MSG.DELETE.EVENTS',
      'CONSUMER.CREATE.EVENTS',
    ])
      expect(await server.ask(name, `$JS.API.${api}`, '{}'), api).toMatch(REFUSED)
    const others = ServiceName.options.filter((each) => each !== name).map((each) => `_INBOX.${each}.>`)
    for (const subject of ['>', '_INBOX.>', '$JS.>', 'saga.>', 'dlq.>', 'evt.>', ...others])
      expect(await server.listen(name, subject), subject).toMatch(REFUSED)
    expect(await server.listen(name, `_INBOX.${name}.>`)).toBe('listens')
  })

  test('only the debugger and who tails look into streams, and only the gateway hears what identity says', async () => {
    const seen = new Map<string, readonly string[]>()
    for (const name of ServiceName.options) {
      const streams: string[] = []
      for (const { name: stream } of NATS_STREAMS) if (!REFUSED.test(await server.ask(name, `$JS.API.DIRECT.GET.${stream}`, '{"seq":1}'))) streams.push(stream)
      seen.set(name, streams)
      expect([name, await server.listen(name, 'evt.identity.>')]).toEqual([name, name === 'gateway' ? 'listens' : expect.stringMatching(REFUSED)])
    }
    const everything = NATS_STREAMS.map(({ name }) => name)
    const nothing: readonly string[] = []
    expect(Object.fromEntries(seen)).toEqual({
      identity: everything,
      gateway: ['EVENTS'],
      memory: nothing,
      companion: nothing,
      credit: nothing,
      audit: nothing,
    })
  })

  test('the gateway hears of what identity published, and identity finds it', async () => {
    const stop = new AbortController()
    const heard: string[] = []
    const tail = (async () => {
      for await (const { id } of busOf('gateway').tail('EVENTS', 'evt.identity.>', { signal: stop.signal })) heard.push(id)
    })()
    const identity = busOf('identity')
    const id = newId()
    await expect
      .poll(
        async () => {
          await identity.publish({ subject: 'evt.identity.0.y.Knocked', id: newId(), data: '{}' })
          return heard.length
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(0)
    await identity.publish({ subject: 'evt.identity.0.x.SessionRevoked', id, data: '{}' })
    await expect.poll(() => heard, { timeout: 10_000 }).toContain(id)
    stop.abort()
    await tail
    const found = await Array.fromAsync(identity.browse('EVENTS', 'evt.identity.*.x.>'))
    expect(found.map((each) => each.id)).toContain(id)
  })

  test('a service that starts before its durables are made is told to migrate; one that finds others is told the difference', async () => {
    const [spec] = DURABLES
    if (spec === undefined) throw new Error('there is no durable')
    const bus = busOf(spec.service)
    const missing = bus.ensure({ streams: NATS_STREAMS, consumers: [{ ...spec, durable: `${spec.service}-lane-9` }] })
    await expect(missing).rejects.toMatchObject({ name: 'Terminal' })
    const changed = bus.ensure({ streams: NATS_STREAMS.map((each) => ({ ...each, maxBytes: 1 })), consumers: [] })
    await expect(changed).rejects.toMatchObject({ code: 'bus.config_mismatch', message: expect.stringContaining('loom migrate') })
    const wider = bus.ensure({ streams: [], consumers: [{ ...spec, filters: [...spec.filters, 'evt.identity.7.*.NeverMade'] }] })
    await expect(wider).rejects.toMatchObject({ code: 'bus.config_mismatch', message: expect.stringContaining('filters') })
  })

  test('with placeholders for the passwords the server takes them from its environment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'loomworks-nats-'))
    const file = join(folder, 'nats.conf')
    writeFileSync(file, natsServerConfig({ users: natsUsersOf(SERVICES), storeDir: folder }))
    const users = [...ServiceName.options, MIGRATE_USER].map((user) => [placeholderOf(user).slice(1), newId()])
    const check = (env: object) => spawnSync(found, ['-t', '-c', file], { env: { ...env }, encoding: 'utf8' })
    expect(check(Object.fromEntries(users)).stderr).toContain('is valid')
    expect(check({}).stderr).toContain('NATS_PASSWORD_')
    rmSync(folder, { recursive: true, force: true })
  })
}
