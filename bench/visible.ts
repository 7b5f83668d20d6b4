import { setTimeout as delay } from 'node:timers/promises'
import { PostgresEventStore } from '@loomworks/event-store'
import { newId, Terminal } from '@loomworks/kernel'
import { ProjectionRunner } from '@loomworks/projections'
import { type Database, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { type Benchmark, percentile } from './benchmark.ts'
import { benchDatabase } from './database.ts'
import { makeSaid, said, saidEvent } from './said.ts'

const GOAL_MS = 50
const RATE = 1000
const TICK_MS = 10
const LOOK_EVERY_MS = 2

/** From just before an append to its row in a read model, at 1,000 events a second over 100 streams. */
export const visible: Benchmark = {
  name: 'visible',
  async run({ quick }) {
    await using database = await benchDatabase()
    const db = database.open(8)
    await makeSaid(db)
    const store = new PostgresEventStore({ db: database.open(4), onTrouble: console.error })
    const stopping = new AbortController()
    const runner = new ProjectionRunner({
      eventStore: store,
      db,
      schema: 'talk',
      projections: [said],
      instance: 'bench',
      onTrouble: console.error,
      log: { error: console.error },
    })
    const running = runner.run(stopping.signal)
    const waited = await measured(store, db, quick ? 300 : 10_000)
    stopping.abort()
    await running
    await store.close()
    return [0.5, 0.99].map((p) => {
      const value = percentile(waited, p)
      return { bench: `append to visible, p${p * 100}`, value, unit: 'ms', goal: p === 0.99 ? `≤ ${GOAL_MS} ms` : '', ok: p !== 0.99 || value <= GOAL_MS }
    })
  },
}

async function measured(store: PostgresEventStore, db: Database, events: number): Promise<readonly number[]> {
  const waiting = new Map<string, number>()
  const waited: number[] = []
  const streams = Array.from({ length: 100 }, () => ({ name: `engagement-${newId()}`, revision: -1n }))
  const done = new AbortController()
  const looking = look(db, waiting, waited, done.signal)
  const perTick = (RATE * TICK_MS) / 1000
  const began = performance.now()
  for (let sent = 0; sent < events; sent += perTick) {
    await Promise.all(Array.from({ length: perTick }, (_, n) => send(store, streams[(sent + n) % streams.length] ?? missing(), waiting)))
    await delay(Math.max(0, began + ((sent + perTick) / RATE) * 1000 - performance.now()))
  }
  while (waiting.size > 0) await delay(LOOK_EVERY_MS)
  done.abort()
  await looking
  return waited
}

interface Stream {
  readonly name: string
  revision: bigint
}

async function send(store: PostgresEventStore, stream: Stream, waiting: Map<string, number>): Promise<void> {
  const object = newId()
  const expected = stream.revision < 0n ? 'no_stream' : stream.revision
  stream.revision += 1n
  waiting.set(object, performance.now())
  await store.append(stream.name, await saidEvent(stream.name, object, Date.now()), expected)
}

async function look(db: Database, waiting: Map<string, number>, waited: number[], signal: AbortSignal): Promise<void> {
  let after = 0n
  while (!signal.aborted) {
    const rows = await many(
      db,
      z.object({ object: z.string(), position: z.bigint() }),
      sql`select object, position from talk.said where position > ${after} order by position`,
    )
    const now = performance.now()
    for (const { object, position } of rows) {
      after = position
      waited.push(now - (waiting.get(object) ?? missing()))
      waiting.delete(object)
    }
    await delay(LOOK_EVERY_MS)
  }
}

function missing(): never {
  throw new Terminal('bench', 'what was seen was never sent')
}
