import { PostgresEventStore } from '@loomworks/event-store'
import { newId } from '@loomworks/kernel'
import { rebuildRows } from '@loomworks/projections'
import { copyInto, type Database, exec, raw } from '@loomworks/sql'
import { type Benchmark, interleaved, type Round } from './benchmark.ts'
import { benchDatabase } from './database.ts'
import { makeSaid, said, saidEvent } from './said.ts'

const GOAL = 0.25
const GOAL_RATE = 30_000
const PER_STREAM = 50

/** Folding the log into an empty read model, against COPY of the same rows; one row an event. */
export const rebuild: Benchmark = {
  name: 'rebuild',
  async run({ quick }) {
    await using database = await benchDatabase()
    const db = database.open(8)
    await makeSaid(db)
    await exec(db, raw('create table talk.copied (like talk.said_v1 including all)'))
    const store = new PostgresEventStore({ db: database.open(4), onTrouble: console.error })
    const events = quick ? 500 : 50_000
    await fill(store, events)
    const fold = async () => {
      await exec(db, raw('truncate talk.said_v1'))
      return timed(events, () => rebuildRows(said, { eventStore: store, db, schema: 'talk' }))
    }
    const [value, yardstick] = await interleaved(quick ? 1 : 4, fold, () => copied(db, events))
    await store.close()
    const ratio = value / yardstick
    return [
      { bench: 'rebuild of plain rows', value, unit: 'events/s', yardstick, ratio, goal: `≥ ${GOAL}`, ok: ratio >= GOAL && (quick || value >= GOAL_RATE) },
    ]
  },
}

async function fill(store: PostgresEventStore, events: number): Promise<void> {
  const streams = Array.from({ length: events / PER_STREAM }, () => `engagement-${newId()}`)
  await Promise.all(
    streams.map(async (stream) => {
      const all = await Promise.all(Array.from({ length: PER_STREAM }, () => saidEvent(stream, newId(), Date.now())))
      await store.append(stream, all.flat(), 'no_stream')
    }),
  )
}

async function copied(db: Database, events: number): Promise<Round> {
  await exec(db, raw('truncate talk.copied'))
  const rows = Array.from({ length: events }, (_, position) => [newId(), 3, 1, String(Date.now()), position])
  await using connection = await db.dedicated()
  return await timed(events, () => copyInto(connection, 'talk.copied', ['object', 'words', 'version', 'sent_at', 'position'], rows))
}

async function timed(operations: number, work: () => Promise<unknown>): Promise<Round> {
  const began = performance.now()
  await work()
  return { operations, ms: performance.now() - began }
}
