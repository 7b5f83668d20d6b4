// The bus on both engines, each against its yardstick of the same run. NATS writes to the disk before it acknowledges, as it does in
// a deployment (`sync_interval: always`).
import { setTimeout as delay } from 'node:timers/promises'
import { type Bus, type ConsumerSpec, enqueue, OutboxRelay, type Outgoing, PostgresBus } from '@loomworks/bus'
import { NatsBus, natsConnection } from '@loomworks/bus/nats'
import { STREAMS } from '@loomworks/contracts'
import { newId } from '@loomworks/kernel'
import { exec, sql } from '@loomworks/sql'
import { NatsServer, NO_NATS_SERVER, natsServerProgram } from '@loomworks/testing'
import { type Benchmark, type Effort, type Figure, interleaved, percentile, type Round, timedRound } from './benchmark.ts'
import { type BenchDatabase, benchDatabase } from './database.ts'

const GOAL_PUBLISH = 0.5
const GOAL_CONSUME = 3
const GOAL_TO_HANDLER_MS = 2
const GOAL_OUTBOX_MS = 100
const GOAL_BARE = 0.9
const CONNECTIONS = 10
const PUBLISHERS = 64
const PULL = 64
const BODY = JSON.stringify({ text: 'x'.repeat(230) })

export const bus: Benchmark = {
  name: 'bus',
  async run(effort) {
    return [...(await onPostgres(effort)), ...(await onNats(effort))]
  },
}

async function onPostgres(effort: Effort): Promise<readonly Figure[]> {
  await using database = await benchDatabase()
  const made = new PostgresBus({ db: database.open(4), onTrouble: console.error })
  await made.ensure({ streams: STREAMS, consumers: [] })
  const figures = [
    await publishedOnPostgres(made, database, effort),
    await consumedOnPostgres(made, effort),
    await toHandler('Postgres', made, effort),
    await fromOutbox(made, database, effort),
  ]
  await made.drain(1000)
  return figures
}

async function publishedOnPostgres(made: Bus, database: BenchDatabase, { quick }: Effort): Promise<Figure> {
  const bare = database.open(CONNECTIONS)
  await exec(bare, sql`create table bare_commit (id bigint generated always as identity primary key, body text)`)
  const { subject } = await reading(made)
  const operations = quick ? 100 : 5000
  const publishes = () => timedRound(operations, CONNECTIONS, () => made.publish(message(subject)))
  const commits = () => timedRound(operations, CONNECTIONS, () => exec(bare, sql`insert into bare_commit (body) values (${BODY})`))
  const [value, yardstick] = await interleaved(quick ? 1 : 5, publishes, commits)
  return against('bus on Postgres, publish : commits', GOAL_PUBLISH, [value, yardstick])
}

/** Each round consumes what the one before it published. */
async function consumedOnPostgres(made: Bus, { quick }: Effort): Promise<Figure> {
  const operations = quick ? 100 : 5000
  let reader = await reading(made)
  const publishes = async () => {
    reader = await reading(made)
    return timedRound(operations, CONNECTIONS, () => made.publish(message(reader.subject)))
  }
  const consumes = () => consumed(made, reader.spec, operations)
  const [publish, consume] = await interleaved(quick ? 1 : 5, publishes, consumes)
  return against('bus on Postgres, consume : publish', GOAL_CONSUME, [consume, publish])
}

async function onNats(effort: Effort): Promise<readonly Figure[]> {
  const program = natsServerProgram()
  if (program === undefined) {
    console.log(`bus on NATS: skipped, ${NO_NATS_SERVER}`)
    return []
  }
  const user = { name: 'bench', password: newId(), rights: { publish: ['>'], subscribe: ['>'] } }
  await using server = await NatsServer.start(program, [user])
  const made = new NatsBus({ servers: server.urlOf(user.name), name: user.name, mayCreate: true, onTrouble: console.error })
  await made.ensure({ streams: STREAMS, consumers: [] })
  const bare = await natsConnection({ servers: server.urlOf(user.name), name: user.name })
  const figures = [await publishedOnNats(made, bare, effort), await consumedOnNats(made, bare, effort), await toHandler('NATS', made, effort)]
  await Promise.all([bare.close(), made.drain(1000)])
  return figures
}

type Bare = Awaited<ReturnType<typeof natsConnection>>

async function publishedOnNats(made: Bus, bare: Bare, { quick }: Effort): Promise<Figure> {
  const operations = quick ? 128 : 8000
  const subject = `evt.credit.0.${newId()}.Benched`
  const client = bare.jetstream()
  const publishes = () => timedRound(operations, PUBLISHERS, () => made.publish(message(subject)))
  const bares = () => timedRound(operations, PUBLISHERS, () => client.publish(subject, BODY, { msgID: newId() }))
  return against('bus on NATS, publish : bare client', GOAL_BARE, await interleaved(quick ? 1 : 6, publishes, bares))
}

/** Both consume the same messages, each through a durable of its own. */
async function consumedOnNats(made: Bus, bare: Bare, { quick }: Effort): Promise<Figure> {
  const operations = quick ? 128 : 8000
  let readers = [await reading(made), await reading(made)] as const
  const consumes = async () => {
    const first = await reading(made)
    readers = [first, await reading(made, first.subject)]
    await timedRound(operations, PUBLISHERS, () => made.publish(message(first.subject)))
    return consumed(made, first.spec, operations)
  }
  const bares = () => consumedBare(bare, readers[1].spec, operations)
  return against('bus on NATS, consume : bare client', GOAL_BARE, await interleaved(quick ? 1 : 6, consumes, bares))
}

async function consumedBare(bare: Bare, { stream, durable }: ConsumerSpec, count: number): Promise<Round> {
  const began = performance.now()
  const consumer = await bare.jetstream().consumers.get(stream, durable)
  const messages = await consumer.consume({ max_messages: PULL })
  let handled = 0
  for await (const each of messages) {
    each.ack()
    if (++handled === count) break
  }
  await bare.flush()
  return { operations: count, ms: performance.now() - began }
}

interface Reader {
  readonly spec: ConsumerSpec
  readonly subject: string
}

async function reading(made: Bus, subject = `evt.credit.0.${newId()}.Benched`): Promise<Reader> {
  const spec: ConsumerSpec = { stream: 'EVENTS', durable: newId(), filters: [subject], maxPending: 256, ackWaitMs: 30_000, service: 'credit' }
  await made.ensure({ streams: [], consumers: [spec] })
  return { spec, subject }
}

function message(subject: string): Outgoing {
  return { subject, id: newId(), data: BODY }
}

/** Handles so many messages, until what was said of the last is confirmed. */
async function consumed(made: Bus, spec: ConsumerSpec, count: number): Promise<Round> {
  const began = performance.now()
  const all = Promise.withResolvers<void>()
  let handled = 0
  const consumption = made.consume(spec, async () => {
    if (++handled === count) all.resolve()
    return 'ack'
  })
  await all.promise
  await consumption.stop(5000)
  return { operations: count, ms: performance.now() - began }
}

async function toHandler(engine: string, made: Bus, { quick }: Effort): Promise<Figure> {
  const took = await latencies(made, quick ? 20 : 500, (sent) => made.publish(sent))
  return within(`bus on ${engine}, publish to handler, p50`, GOAL_TO_HANDLER_MS, percentile(took, 0.5))
}

/** From just after the commit of a fact until somebody on the bus has it: a little later than it was published. */
async function fromOutbox(made: Bus, database: BenchDatabase, { quick }: Effort): Promise<Figure> {
  const db = database.open(4)
  const stopping = new AbortController()
  const relay = new OutboxRelay({ service: 'credit', db, bus: made, instance: 'bench', onTrouble: console.error })
  const running = relay.run(stopping.signal)
  const took = await latencies(made, quick ? 10 : 200, async ({ subject, id, data }) => {
    await db.transaction(async (tx) => {
      await enqueue(tx, 'credit', [{ id, entityId: newId(), subject, headers: {}, data }])
      relay.wakeAfter(tx)
    })
    return performance.now()
  })
  stopping.abort()
  await running
  return within('outbox commit to published, p99, idle', GOAL_OUTBOX_MS, percentile(took, 0.99))
}

const IDLE_MS = 5

/** One message at a time, on a system that does nothing else. `send` may say when the time began. */
async function latencies(made: Bus, turns: number, send: (sent: Outgoing) => Promise<unknown>): Promise<readonly number[]> {
  const { spec, subject } = await reading(made)
  let heard = Promise.withResolvers<number>()
  const consumption = made.consume(spec, async () => {
    heard.resolve(performance.now())
    return 'ack'
  })
  const took: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    heard = Promise.withResolvers()
    const began = performance.now()
    const said = await send(message(subject))
    took.push((await heard.promise) - (typeof said === 'number' ? said : began))
    await delay(IDLE_MS)
  }
  await consumption.stop(1000)
  return took
}

function against(bench: string, goal: number, [value, yardstick]: readonly [number, number]): Figure {
  const ratio = value / yardstick
  return { bench, value, unit: 'messages/s', yardstick, ratio, goal: `≥ ${goal}`, ok: ratio >= goal }
}

function within(bench: string, goalMs: number, value: number): Figure {
  return { bench, value, unit: 'ms', goal: `≤ ${goalMs} ms`, ok: value <= goalMs }
}
