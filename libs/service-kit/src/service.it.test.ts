// A service as a value: how it starts, what it hears, and in which order it stops.
import { once } from 'node:events'
import { request } from 'node:http'
import { type Bus, type Delivery, laneOf, type Verdict } from '@loomworks/bus'
import { PersonNamesChanged } from '@loomworks/contracts'
import { newId, type PersonId, Terminal, Transient } from '@loomworks/kernel'
import { exec, many, sql } from '@loomworks/sql'
import { eventually, type ServiceBench, serviceBench } from '@loomworks/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { on } from './consumer.ts'
import { operation } from './operation.ts'
import { defineService, startService } from './service.ts'

interface Parts {
  readonly story: string[]
  /** What the handler does after its write. */
  after: (personId: string) => void
}

const parts: Parts = { story: [], after: () => undefined }
let release = () => {}

const hold = operation({
  get: '/hold',
  id: 'hold',
  summary: '',
  authz: { actors: ['person'], object: 'x', relation: 'none', hide: false },
  reply: z.object({}),
  refuses: [],
  async answer(_request, { story }: Parts) {
    story.push('request begins')
    await new Promise<void>((done) => {
      release = done
    })
    story.push('request ends')
    return {}
  },
})

const note = on(PersonNamesChanged, async (tx, { personId }, { messageId }, { after }: Parts) => {
  await exec(tx, sql`insert into heard (person, message_id) values (${personId}, ${messageId})`)
  after(personId)
})

const service = defineService({
  name: 'companion',
  config: z.object({ GREETING: z.enum(['hello']).default('hello') }),
  refusals: [],
  operations: [hold],
  hears: [note],
  wire: () => parts,
  workers: ({ story }) => [
    {
      name: 'loop',
      async run(signal) {
        if (!signal.aborted) await once(signal, 'abort')
        story.push('worker ends')
      },
    },
  ],
})

let bench: ServiceBench
beforeAll(async () => {
  bench = await serviceBench({ adminUrl: inject('adminUrl'), definition: service })
  await exec(bench.database.db, sql`create table heard (person uuid not null, message_id text not null)`)
})
afterAll(() => bench[Symbol.asyncDispose]())
beforeEach(() => {
  parts.story.length = 0
  parts.after = () => undefined
})

const heardOf = (personId: string) =>
  many(bench.database.db, z.object({ message_id: z.string() }), sql`select message_id from heard where person = ${personId}`)
const tell = (personId: PersonId, cause: string = newId()) => bench.publish(PersonNamesChanged, { personId, fields: ['display_name'] }, { cause })

describe('what a service hears', () => {
  test('is handled in one transaction: a handler that fails leaves nothing, and is called again', async () => {
    const ada = newId<'person'>()
    let tries = 0
    parts.after = (personId) => {
      if (personId === ada && ++tries === 1) throw new Transient('the database is away')
    }
    await tell(ada)
    await eventually(async () => expect(await heardOf(ada)).toHaveLength(1))
    expect(tries).toBe(2)
  })

  test('may come twice: after a crash between the commit and the acknowledgement the handler sees the same message again', async () => {
    const ada = newId<'person'>()
    const crashing = crashingOnce(bench.platform.bus)
    await bench.service.stop(5000)
    const second = await startService(service, { ...bench.platform, bus: crashing })
    await tell(ada)
    await eventually(async () => expect(await heardOf(ada)).toHaveLength(2))
    // One message id for both: by it a handler finds out what it has already done.
    expect(new Set((await heardOf(ada)).map(({ message_id }) => message_id)).size).toBe(1)
    await second.stop(5000)
    await bench.restart()
  })

  test('is one message, however often it is published', async () => {
    const [ada, cause] = [newId<'person'>(), newId()]
    await tell(ada, cause)
    await tell(ada, cause)
    const last = newId<'person'>()
    await eventually(async () => expect(await heardOf(ada)).toHaveLength(1))
    await tell(last)
    await eventually(async () => expect(await heardOf(last)).toHaveLength(1))
    expect(await heardOf(ada)).toHaveLength(1)
  })

  test('goes to the dead letters when it is no event, and those behind it are heard', async () => {
    const ada = newId<'person'>()
    const bad = newId()
    await bench.platform.bus.publish({ subject: `evt.identity.0.${ada}.PersonNamesChanged`, id: bad, data: '{"no":"event"}' })
    const lane0 = personOfLane(0)
    await tell(lane0)
    await eventually(async () => expect(await heardOf(lane0)).toHaveLength(1))
    const letters: string[] = []
    for await (const { subject } of bench.platform.bus.browse('DLQ', 'dlq.companion.>')) letters.push(subject)
    expect(letters).toContain('dlq.companion.schema')
  })
})

test('it stops in order: what was asked is answered, then nothing is heard, then the workers end', async () => {
  const person = bench.person(newId())
  const answer = person.get('/hold')
  await eventually(() => expect(parts.story).toEqual(['request begins']))
  const stopped = bench.service.stop(5000).then(() => parts.story.push('stopped'))
  release()
  expect(await answer).toMatchObject({ status: 200 })
  await stopped
  expect(parts.story).toEqual(['request begins', 'request ends', 'worker ends', 'stopped'])
  await bench.restart()
})

test('a request that never ends does not hold up the stop beyond its deadline', async () => {
  const { socketPath = '' } = bench.platform.addressOf('companion')
  const token = await bench.identity.person('companion', newId())
  const asking = request({ socketPath, path: '/hold', headers: { authorization: `Bearer ${token}` } })
  const cut = once(asking, 'error')
  asking.end()
  await eventually(() => expect(parts.story).toEqual(['request begins']))
  await bench.service.stop(100)
  expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' })
  release()
  await bench.restart()
})

test('stopping twice is stopping once', async () => {
  await Promise.all([bench.service.stop(5000), bench.service.stop(5000)])
  expect(parts.story).toEqual(['worker ends'])
  await bench.restart()
})

test('it is ready when every dependency answers, and says which does not', async () => {
  await bench.service.ready(5000)
  expect(await bench.stranger.get('/readyz')).toMatchObject({
    status: 200,
    body: { dependencies: { database: 'ok', bus: 'ok', event_store: 'ok', identity: 'ok' }, clock_skew_s: expect.any(Number) },
  })
  bench.identity.down = true
  await bench.restart()
  expect(await bench.stranger.get('/readyz')).toMatchObject({
    status: 503,
    body: { ready: false, dependencies: { database: 'ok', identity: expect.stringMatching(/503/) } },
  })
  await expect(bench.service.ready(0)).rejects.toBeInstanceOf(Transient)
  bench.identity.down = false
})

test('a wrong setting stops the start with one sentence', async () => {
  const starting = startService(service, { ...bench.platform, environment: { GREETING: 'bye' } })
  await expect(starting).rejects.toBeInstanceOf(Terminal)
  await expect(starting).rejects.toMatchObject({ code: 'config.invalid', message: expect.stringMatching(/^companion cannot start: GREETING: .+\.$/) })
})

/** A bus whose first message is handled and then forgotten to be acknowledged, as a process that dies there would. */
function crashingOnce(bus: Bus): Bus {
  let crashed = false
  const dying = (handler: (delivery: Delivery) => Promise<Verdict>) => async (delivery: Delivery) => {
    const verdict = await handler(delivery)
    if (crashed) return verdict
    crashed = true
    throw new Transient('died before the acknowledgement')
  }
  return {
    ensure: (topology) => bus.ensure(topology),
    publish: (message, options) => bus.publish(message, options),
    consume: (spec, handler) => bus.consume(spec, dying(handler as (delivery: Delivery) => Promise<Verdict>)),
    tail: (stream, filter, options) => bus.tail(stream, filter, options),
    browse: (stream, filter, from) => bus.browse(stream, filter, from),
    depth: (consumers) => bus.depth(consumers),
    health: () => bus.health(),
    drain: (deadlineMs) => bus.drain(deadlineMs),
  }
}

function personOfLane(lane: number): PersonId {
  const id = newId<'person'>()
  return laneOf(id) === lane ? id : personOfLane(lane)
}
