// Reading pages of the event store. A page is bounded by events and by bytes, so that a stream of large events does not fill the
// memory of its reader.
import { type JsonObject, Terminal } from '@loomworks/kernel'
import { type Db, prepared, sql } from '@loomworks/sql'
import type { Filter, Position, ReadOptions, StoredEvent } from './port.ts'
import { refused } from './postgres-append.ts'

const PAGE_EVENTS = 500
const PAGE_BYTES = 4_194_304
const LAST_REVISION = 2n ** 63n - 1n

interface EventRow {
  readonly position: bigint
  readonly stream: string
  readonly revision: bigint
  readonly id: string
  readonly type: string
  readonly body: string
  readonly recorded_at: string
}
/** The row that ends the last page: nothing but how far has been seen. */
type EndRow = { readonly position: bigint; readonly stream: null }

export interface Page {
  readonly events: readonly StoredEvent[]
  /** Where everything has been seen; absent while there is more. */
  readonly end: Position | undefined
}

export async function* readStreamOn(
  db: Db,
  stream: string,
  { from, limit = Number.POSITIVE_INFINITY, direction = 'forward' }: ReadOptions,
): AsyncGenerator<StoredEvent> {
  const step = direction === 'forward' ? 1n : -1n
  let next = from ?? (direction === 'forward' ? 0n : LAST_REVISION)
  let open = limit
  while (open > 0 && next >= 0n) {
    const most = Math.min(PAGE_EVENTS, open)
    const rows = await rowsOf(db, direction === 'forward' ? forward(stream, next, most) : backward(stream, next, most))
    const events = rows.filter(isEvent)
    for (const row of events) yield storedOf(row)
    const last = events.at(-1)
    if (last === undefined || (events.length < most && bytesOf(events) < PAGE_BYTES)) return
    next = last.revision + step
    open -= events.length
  }
}

const COLUMNS = sql`position, stream, revision, id, type, body, recorded_at`

const forward = (stream: string, from: bigint, most: number) =>
  prepared('event_store_read', sql`select ${COLUMNS} from event_store.read_stream(${stream}, ${from}, ${most}, ${PAGE_BYTES})`)

const backward = (stream: string, from: bigint, most: number) =>
  prepared('event_store_read_back', sql`select ${COLUMNS} from event_store.read_stream_back(${stream}, ${from}, ${most}, ${PAGE_BYTES})`)

export async function pageOf(db: Db, { prefixes }: Filter, after: Position): Promise<Page> {
  const rows = await rowsOf(
    db,
    prepared('event_store_read_all', sql`select ${COLUMNS} from event_store.read_all(${prefixes}, ${after}, ${PAGE_EVENTS}, ${PAGE_BYTES})`),
  )
  const end = rows.find((row) => !isEvent(row))
  return { events: rows.filter(isEvent).map(storedOf), end: end && String(end.position) }
}

async function rowsOf(db: Db, statement: ReturnType<typeof sql>): Promise<readonly (EventRow | EndRow)[]> {
  try {
    return (await db.query(statement)).rows as readonly (EventRow | EndRow)[]
  } catch (error) {
    throw refused(error)
  }
}

function isEvent(row: EventRow | EndRow): row is EventRow {
  return row.stream !== null
}

function bytesOf(rows: readonly EventRow[]): number {
  return rows.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0)
}

function storedOf({ position, stream, revision, id, type, body, recorded_at: recordedAt }: EventRow): StoredEvent {
  return { id, type, body: parsed(body), stream, revision, position: String(position), recordedAt }
}

function parsed(body: string): JsonObject {
  const value: unknown = JSON.parse(body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Terminal('event_store.broken', 'the body of an event is an object')
  return value as JsonObject
}
