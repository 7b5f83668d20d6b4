import { newId } from '@loomworks/kernel'
import { NatsServer, NO_NATS_SERVER, natsServerProgram } from '@loomworks/testing'
import { describe, test } from 'vitest'
import { TOPOLOGY } from './conformance/bench.ts'
import { type Bench, busConformance } from './conformance.ts'
import { NatsBus } from './nats.ts'
import { type NatsUser, rightsOf } from './nats-config.ts'

const silent = () => undefined
const program = natsServerProgram()
const anything: NatsUser = { name: 'migrate', password: newId(), rights: { publish: ['>'], subscribe: ['>'] } }

if (program === undefined) {
  describe('bus conformance: NATS JetStream', () => {
    test('is shown on a real server', ({ skip }) => skip(NO_NATS_SERVER))
  })
} else {
  // A server of its own: it is killed, frozen and restarted.
  busConformance('NATS JetStream', async (): Promise<Bench> => {
    const server = await NatsServer.start(program, [anything])
    const buses: NatsBus[] = []
    const opened = (user = anything.name) => {
      const bus = new NatsBus({ servers: server.urlOf(user), name: user, mayCreate: user === anything.name, onTrouble: silent })
      buses.push(bus)
      return bus
    }
    const ended = async (signal: 'SIGTERM' | 'SIGKILL') => {
      await server.end(signal)
      await server.start()
    }
    return {
      bus: opened(),
      another: () => opened(),
      async as(mayPublish) {
        const name = `user-${newId()}`
        await server.add({ name, password: newId(), rights: rightsOf(name, { says: mayPublish, reads: [] }) })
        return opened(name)
      },
      server: {
        restart: () => ended('SIGTERM'),
        kill: () => ended('SIGKILL'),
        freeze: () => server.freeze(),
      },
      async withoutDeadLetters() {
        await server.ask(anything.name, '$JS.API.STREAM.DELETE.DLQ')
        return () => opened().ensure(TOPOLOGY)
      },
      client: { opening: OPENING, args: [server.urlOf(anything.name)] },
      async close() {
        await Promise.all(buses.map((bus) => bus.drain(200)))
        await server[Symbol.asyncDispose]()
      },
    }
  })
}

const OPENING = `
  const { NatsBus } = await import('@loomworks/bus/nats')
  const bus = new NatsBus({ servers: args[0], name: 'client', mayCreate: true, onTrouble: () => {} })
`
