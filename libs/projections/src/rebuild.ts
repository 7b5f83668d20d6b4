// A rebuild folds the log from its beginning into a table of its own by COPY, catches up under the lock of the checkpoint, and
// makes the live table equal to it in one transaction: readers see no gap, writers are not held, rights and policies stay. Rows
// are held in memory while they are folded.
import { comparePositions, type EventStore, type Position } from '@loomworks/event-store'
import { copyInto, type Database, type Dedicated, exec, ident, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { checkpointOf, checkpointTable } from './checkpoint.ts'
import { projectedOf } from './projection.ts'
import { assigned, type FoldedRows, list, pick, type RowProjection, same, writeRows } from './rows.ts'

export interface RebuildOptions {
  readonly eventStore: EventStore
  readonly db: Database
  readonly schema: string
}

export interface Rebuilt {
  readonly events: number
  readonly rows: number
  /** Live rows that differed from the log and were put right. */
  readonly corrected: number
}

/** Behind by no more than this, the rest is folded under the lock. */
const CLOSE = 1000
const REBUILT = 'rebuilt'

export async function rebuildRows(projection: RowProjection, { eventStore, db, schema }: RebuildOptions): Promise<Rebuilt> {
  const replay = new Replay(projection, eventStore)
  for (let before = -CLOSE; replay.events - before >= CLOSE; ) {
    before = replay.events
    await replay.fold()
  }
  await checkpointOf(db, schema, projection.name)
  await using connection = await db.dedicated()
  await fill(connection, schema, projection, replay.rows)
  await exec(connection, sql`begin`)
  const corrected = await swap(connection, schema, { projection, replay })
  await exec(connection, sql`commit`)
  return { events: replay.events, rows: [...replay.rows.values()].filter(({ row }) => row !== undefined).length, corrected }
}

/** The log, folded so far. */
class Replay {
  readonly rows: FoldedRows = new Map()
  readonly #projection: RowProjection
  readonly #store: EventStore
  events = 0
  position: Position | undefined

  constructor(projection: RowProjection, store: EventStore) {
    this.#projection = projection
    this.#store = store
  }

  /** Folds what came since, up to a position where one is given; gives the keys of the rows that changed. */
  async fold(until?: Position): Promise<ReadonlySet<string>> {
    const changed = new Set<string>()
    for await (const event of this.#store.readAll({ prefixes: this.#projection.streams }, this.position)) {
      if (until !== undefined && comparePositions(event.position, until) > 0) break
      for (const key of this.#projection.foldInto(this.rows, [projectedOf(event)])) changed.add(key)
      this.position = event.position
      this.events++
    }
    return changed
  }
}

async function fill(connection: Dedicated, schema: string, { shape }: RowProjection, rows: FoldedRows): Promise<void> {
  await exec(connection, sql`create temp table ${ident(REBUILT)} (like ${ident(`${schema}.${shape.table}`)} including defaults)`)
  await copyInto(connection, REBUILT, [...shape.columns, 'position'], copied(rows, shape.columns))
  await exec(connection, sql`create unique index on ${ident(REBUILT)} (${list(shape.key)})`)
}

function* copied(rows: FoldedRows, columns: readonly string[]): Generator<readonly unknown[]> {
  for (const { row, position } of rows.values()) if (row !== undefined) yield [...columns.map((column) => row[column as keyof typeof row]), position]
}

const Moved = z.object({ position: z.bigint() })

/** Under the lock of the checkpoint no instance writes rows, so both tables can be brought to one position. */
async function swap(connection: Dedicated, schema: string, { projection, replay }: { projection: RowProjection; replay: Replay }): Promise<number> {
  const { name, shape } = projection
  const table = checkpointTable(schema)
  const { position } = await one(connection, Moved, sql`select position from ${table} where name = ${name} for update`)
  const changed = await replay.fold(String(position))
  await writeRows(connection, REBUILT, shape, pick(replay.rows, changed))
  await exec(connection, sql`update ${table} set position = greatest(position, ${replay.position ?? '0'}) where name = ${name}`)
  return putRight(connection, `${schema}.${shape.table}`, projection)
}

async function putRight(connection: Dedicated, target: string, { shape }: RowProjection): Promise<number> {
  const { columns, key } = shape
  const all = [...columns, 'position']
  const gone = await exec(connection, sql`delete from ${ident(target)} t where not exists (select from ${ident(REBUILT)} r where ${same(key, 't', 'r')})`)
  const written = await exec(
    connection,
    sql`insert into ${ident(target)} as t (${list(all)})
        select ${list(all)} from ${ident(REBUILT)}
        on conflict (${list(key)}) do update set ${assigned(all)}
          where (${list(all, 't')}) is distinct from (${list(all, 'excluded')})`,
  )
  return gone + written
}
