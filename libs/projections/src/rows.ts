// A read model is a pure fold of rows. The engine loads the rows a batch touches, folds, and writes them in one statement; a
// rebuild runs the very same fold (rebuild.ts).
import type { Envelope } from '@loomworks/kernel'
import { type Db, exec, ident, raw, type Sql, sql } from '@loomworks/sql'
import type { z } from 'zod'
import type { About, Projected, Projection } from './projection.ts'

/** The values of the key columns, as text. */
export type Key = readonly string[]

export interface AboutRow extends About {
  /** Of the row that is folded: an event may touch several. */
  readonly key: Key
}

export interface RowOptions<Event, Row extends object> {
  /** Queries read the view of this name; the rows are in `<table>_v<version>`. */
  readonly table: string
  readonly version: number
  /** The columns; the table has one more, `position bigint not null`, which the engine keeps. */
  readonly row: z.ZodObject & z.ZodType<Row>
  /** Columns of the primary key. */
  readonly key: readonly (keyof Row & string)[]
  readonly streams: readonly string[]
  readonly verifyChain?: boolean
  /** Keys of the rows an event touches: texts where the key is one column, else lists of texts in the order of `key`. */
  readonly keys: (event: Event, about: About) => readonly (string | Key)[]
  /** The row after the event; the same object where nothing changed, undefined where there is none (any more). */
  readonly fold: (row: Row | undefined, event: Event, about: AboutRow) => Row | undefined
}

export interface RowProjection extends Projection {
  readonly shape: RowShape
  readonly touched: (events: readonly Projected<Envelope>[]) => readonly Key[]
  /** Folds events into rows that are in memory; gives the keys of those that changed. */
  readonly foldInto: (rows: FoldedRows, events: readonly Projected<Envelope>[]) => ReadonlySet<string>
}

interface RowShape {
  readonly table: string
  readonly columns: readonly string[]
  readonly key: readonly string[]
  readonly parse: (row: unknown) => object
}

/** A row, or the hole one left, and the position of the event that made it so. */
interface Folded {
  readonly key: Key
  readonly row: object | undefined
  readonly position: bigint
}

export type FoldedRows = Map<string, Folded>

export function rowProjection<Event, Row extends object>(options: RowOptions<Event, Row>): RowProjection {
  const { table, version, row, key, streams, verifyChain = false } = options
  const shape = { table: `${table}_v${version}`, columns: Object.keys(row.shape), key, parse: (value: unknown) => row.parse(value) }
  const touched = (events: readonly Projected<Envelope>[]) => [
    ...new Map(events.flatMap((each) => keysOf(options, each)).map((each) => [textOf(each), each])).values(),
  ]
  const foldInto: RowProjection['foldInto'] = (rows, events) => {
    const changed = new Set<string>()
    for (const each of events) for (const of of keysOf(options, each)) if (folds(options, rows, { of, each })) changed.add(textOf(of))
    return changed
  }
  return {
    name: shape.table,
    streams,
    verifyChain,
    shape,
    touched,
    foldInto,
    // Who follows the hash chain has to see every event of it.
    ...(!verifyChain && { concerns: (each: Projected<Envelope>) => keysOf(options, each).length > 0 }),
    apply: async (tx, events, schema) => {
      const target = `${schema}.${shape.table}`
      const rows = await loadRows(tx, target, shape, touched(events))
      const changed = foldInto(rows, events)
      await writeRows(tx, target, shape, pick(rows, changed))
    },
  }
}

function keysOf<Event, Row extends object>({ keys }: RowOptions<Event, Row>, projected: Projected<Envelope>): readonly Key[] {
  return keys(eventOf<Event>(projected), projected).map((key) => (typeof key === 'string' ? [key] : key))
}

/** An event that a row has seen changes it no more, however often it is delivered. */
function folds<Event, Row extends object>({ fold }: RowOptions<Event, Row>, rows: FoldedRows, { of, each }: { of: Key; each: Projected<Envelope> }): boolean {
  const text = textOf(of)
  const before = rows.get(text)
  const position = BigInt(each.position)
  if (before !== undefined && before.position >= position) return false
  const row = fold(before?.row as Row | undefined, eventOf<Event>(each), { ...each, key: of })
  if (row === before?.row) return false
  rows.set(text, { key: of, row, position })
  return true
}

function eventOf<Event>({ event }: Projected<Envelope>): Event {
  return event as unknown as Event
}

export function pick(rows: FoldedRows, keys: Iterable<string>): readonly Folded[] {
  return [...keys].flatMap((key) => rows.get(key) ?? [])
}

function textOf(key: Key): string {
  return key.length === 1 ? (key[0] ?? '') : JSON.stringify(key)
}

/** Each row is looked up by its key: for a join the planner reads the whole table until it is large. */
async function loadRows(db: Db, target: string, { columns, key, parse }: RowShape, keys: readonly Key[]): Promise<FoldedRows> {
  if (keys.length === 0) return new Map()
  const wanted = json(keys.map((values) => Object.fromEntries(key.map((column, n) => [column, values[n]]))))
  const { rows } = await db.query(
    sql`select ${list(columns, 't')}, t."position" as "#position"
          from jsonb_populate_recordset(null::${ident(target)}, ${wanted}) k
         cross join lateral (select * from ${ident(target)} t where ${same(key, 't', 'k')} limit 1) t`,
  )
  return new Map((rows as readonly Record<string, unknown>[]).map((row) => foldedOf(row, key, parse)).map((folded) => [textOf(folded.key), folded]))
}

function foldedOf({ '#position': position, ...row }: Record<string, unknown>, key: readonly string[], parse: RowShape['parse']): Folded {
  return { key: key.map((column) => String(row[column])), row: parse(row), position: position as bigint }
}

/** One statement for all rows of a batch. A row that was written for a later event is left as it is. */
export async function writeRows(db: Db, target: string, { columns, key }: RowShape, folded: readonly Folded[]): Promise<void> {
  if (folded.length === 0) return
  const present = folded.filter(({ row }) => row !== undefined).map(({ row, position }) => ({ ...row, position }))
  const gone = folded.filter(({ row }) => row === undefined).map(({ key: values }) => Object.fromEntries(key.map((column, n) => [column, values[n]])))
  const all = [...columns, 'position']
  const deleting = sql`with gone as (
          delete from ${ident(target)} t
           using jsonb_populate_recordset(null::${ident(target)}, ${json(gone)}) k
           where ${same(key, 't', 'k')}
        )`
  await exec(
    db,
    sql`${gone.length > 0 ? deleting : sql``}
        insert into ${ident(target)} as t (${list(all)})
        select ${list(all)} from jsonb_populate_recordset(null::${ident(target)}, ${json(present)})
        on conflict (${list(key)}) do update set ${assigned(all)}
          where t."position" < excluded."position"`,
  )
}

export function list(columns: readonly string[], of?: string): Sql {
  return raw(columns.map((column) => (of === undefined ? ident(column).text : `${of}.${ident(column).text}`)).join(', '))
}

export function same(key: readonly string[], one: string, other: string): Sql {
  return raw(key.map((column) => `${one}.${ident(column).text} = ${other}.${ident(column).text}`).join(' and '))
}

export function assigned(columns: readonly string[]): Sql {
  return raw(columns.map((column) => `${ident(column).text} = excluded.${ident(column).text}`).join(', '))
}

function json(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? each.toString() : each))
}
