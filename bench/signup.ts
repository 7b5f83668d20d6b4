import { randomUUID } from 'node:crypto'
import { type ConsumerSpec, PostgresBus } from '@loomworks/bus'
import { PostgresEventStore } from '@loomworks/event-store'
import { newId, tokenHash } from '@loomworks/kernel'
import { type Database, exec, openDatabase, raw, sql } from '@loomworks/sql'
import { PersonClient } from '@loomworks/testing'
import { runningDatabase } from '../dev/postgres/index.ts'
import { type Benchmark, type Figure, percentile } from './benchmark.ts'
import { freshHome, type RunningInstance, removeHome, startInstance } from './instance.ts'
import { saidEvent } from './said.ts'

const GOAL_RATIO = 2.5
const GOAL_CPU_MS = 10
const GOAL_RATE = 150
const PARALLEL = 16

/** A signup, as the client waits for its last answer, against the floor: three bus round trips with a fenced write each, and four
 *  appends, on the same adapters and the same PostgreSQL, turn by turn. Then throughput and CPU with many at once. */
export const signup: Benchmark = {
  name: 'signup',
  async run({ quick }) {
    const home = freshHome()
    try {
      await using instance = await startInstance(home)
      const url = runningDatabase(home, 'loomworks')
      if (url === undefined) throw new Error('the instance has no database')
      await using floor = await makeFloor(url)
      const latency = await alternating(instance, floor, quick ? 5 : 100)
      return [...latency, ...(await throughput(instance, quick ? 1 : 20))]
    } finally {
      removeHome(home)
    }
  },
}

async function alternating(instance: RunningInstance, floor: Floor, turns: number): Promise<readonly Figure[]> {
  const signups: number[] = []
  const floors: number[] = []
  for (let turn = 0; turn < turns + 5; turn++) {
    const took = [await signUpMs(instance.url), await msOf(() => floor.once())]
    if (turn < 5) continue
    signups.push(took[0] ?? 0)
    floors.push(took[1] ?? 0)
  }
  const value = percentile(signups, 0.5)
  const yardstick = percentile(floors, 0.5)
  const ratio = value / yardstick
  return [
    { bench: 'signup, p50 of the last call', value, unit: 'ms', yardstick, ratio, goal: `≤ ${GOAL_RATIO}`, ok: ratio <= GOAL_RATIO },
    { bench: 'signup, p99 of the last call', value: percentile(signups, 0.99), unit: 'ms', goal: '', ok: true },
  ]
}

async function throughput(instance: RunningInstance, turns: number): Promise<readonly Figure[]> {
  const before = instance.cpuMs()
  const began = performance.now()
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let turn = 0; turn < turns; turn++) await signUpMs(instance.url)
    }),
  )
  const count = PARALLEL * turns
  const rate = (count / (performance.now() - began)) * 1000
  const cpuMs = (instance.cpuMs() - before) / count
  return [
    { bench: `signups, ${PARALLEL} at once`, value: rate, unit: '/s', goal: `≥ ${GOAL_RATE}`, ok: rate >= GOAL_RATE },
    { bench: 'CPU of a signup, PostgreSQL included', value: cpuMs, unit: 'ms', goal: `≤ ${GOAL_CPU_MS}`, ok: cpuMs <= GOAL_CPU_MS },
  ]
}

/** How long the last of the three calls takes: the saga runs in it. */
async function signUpMs(url: string): Promise<number> {
  const person = new PersonClient(url)
  const { lastCallMs } = await person.signUpTimed({ email: `${randomUUID()}@example.org`, displayName: 'Bench' })
  return lastCallMs
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

interface Floor extends AsyncDisposable {
  once(): Promise<void>
}

async function makeFloor(url: string): Promise<Floor> {
  const open = (max: number) => openDatabase({ url, max, applicationName: 'bench', onError: () => undefined })
  const db = open(4)
  const stores = open(4)
  await exec(db, raw('create table if not exists public.bench_fence (saga_id uuid, step text, reply jsonb, primary key (saga_id, step))'))
  const bus = new PostgresBus({ db: stores, onTrouble: console.error })
  const store = new PostgresEventStore({ db: stores, onTrouble: console.error })
  const answer = await startEcho(bus, db)
  return {
    once: async () => {
      const stream = `person-${newId()}`
      for (let trip = 0; trip < 3; trip++) {
        await store.append(stream, await saidEvent(stream, newId(), Date.now()), trip === 0 ? 'no_stream' : BigInt(trip - 1))
        await answer()
      }
      await store.append(stream, await saidEvent(stream, newId(), Date.now()), 2n)
    },
    async [Symbol.asyncDispose]() {
      await bus.drain(1000)
      await store.close()
      await Promise.all([db.close(), stores.close()])
    },
  }
}

/** One round trip: a command, one fenced write, a reply that is heard again. */
async function startEcho(bus: PostgresBus, db: Database): Promise<() => Promise<void>> {
  const spec = (durable: string, filter: string): ConsumerSpec => ({
    stream: 'SAGA_CMD',
    durable,
    filters: [filter],
    maxPending: 64,
    ackWaitMs: 5000,
    service: 'companion',
  })
  const asked = spec('bench-asked', 'saga.cmd.benchAsked.>')
  const answered = spec('bench-answered', 'saga.cmd.benchAnswered.>')
  await bus.ensure({ streams: [], consumers: [asked, answered] })
  const waiting = new Map<string, () => void>()
  bus.consume(asked, async ({ data }) => {
    await exec(db, sql`insert into public.bench_fence (saga_id, step, reply) values (${data}, 'step', ${JSON.stringify({ hash: tokenHash(data) })})`)
    await bus.publish({ subject: `saga.cmd.benchAnswered.${data}.step.do`, id: `${data}/r`, data })
    return 'ack'
  })
  bus.consume(answered, async ({ data }) => {
    waiting.get(data)?.()
    waiting.delete(data)
    return 'ack'
  })
  return () =>
    new Promise((done, failed) => {
      const id = newId()
      waiting.set(id, done)
      bus.publish({ subject: `saga.cmd.benchAsked.${id}.step.do`, id, data: id }).catch(failed)
    })
}
