import { type NewEvent, PostgresEventStore } from '@loomworks/event-store'
import { newId } from '@loomworks/kernel'
import { type Database, exec, prepared, sql } from '@loomworks/sql'
import { type Benchmark, type Figure, interleaved, timedRound } from './benchmark.ts'
import { benchDatabase } from './database.ts'

const GOAL = 0.75
const WRITERS = [1, 8, 32]
const BODY = { data: { text: 'x'.repeat(200) } }

/** Appends of one event, each writer to a stream of its own, against a bare prepared insert of the same row. */
export const append: Benchmark = {
  name: 'append',
  async run({ quick }) {
    await using database = await benchDatabase()
    const bare = database.open(32)
    await exec(
      bare,
      sql`create table bare_event (position bigint generated always as identity primary key, stream text, revision bigint, id uuid, type text, body jsonb, recorded_at timestamptz default now(), unique (stream, revision))`,
    )
    const store = new PostgresEventStore({ db: database.open(4), onTrouble: console.error })
    const figures: Figure[] = []
    for (const writers of WRITERS) figures.push(await measured(store, bare, { writers, quick }))
    await store.close()
    return figures
  },
}

async function measured(store: PostgresEventStore, bare: Database, { writers, quick }: { readonly writers: number; readonly quick: boolean }): Promise<Figure> {
  const operations = quick ? 64 : 1000 * Math.min(writers, 8)
  const appends = async () => {
    const streams = Array.from({ length: writers }, () => `person-${newId()}`)
    return timedRound(operations, writers, (worker, turn) => store.append(streams[worker] ?? '', [event()], turn === 0 ? 'no_stream' : BigInt(turn - 1)))
  }
  const inserts = () => {
    const streams = Array.from({ length: writers }, () => `person-${newId()}`)
    return timedRound(operations, writers, (worker, turn) => insert(bare, streams[worker] ?? '', turn))
  }
  const [value, yardstick] = await interleaved(quick ? 1 : 6, appends, inserts)
  const ratio = value / yardstick
  return { bench: `append, ${writers} writers`, value, unit: 'events/s', yardstick, ratio, goal: `≥ ${GOAL}`, ok: ratio >= GOAL }
}

function event(): NewEvent {
  return { id: newId(), type: 'MemoryAdded', body: BODY }
}

function insert(db: Database, stream: string, revision: number): Promise<number> {
  const { id, type, body } = event()
  return exec(
    db,
    prepared(
      'bare_insert',
      sql`insert into bare_event (stream, revision, id, type, body) values (${stream}, ${revision}, ${id}, ${type}, ${JSON.stringify(body)})`,
    ),
  )
}
