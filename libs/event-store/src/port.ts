// The event store as the services see it. Two adapters stand behind it (Postgres, EventStoreDB) and one conformance suite
// (conformance.ts) says what both must do; nothing outside this package knows which one it speaks to.
import type { JsonObject } from '@loomworks/kernel'

/** What a stream must look like for an append to be taken. Always sent: a retry is safe only against an expectation. */
export type Expected = 'no_stream' | 'exists' | bigint

/** A place in the order of all events. Opaque: keep it, compare it with `comparePositions`, give it back. */
export type Position = string

export interface NewEvent {
  /** UUID, made deterministically by the caller: the same list after the same revision is a repeat, not a second append. */
  readonly id: string
  readonly type: string
  /** The envelope, as JSON. */
  readonly body: JsonObject
}

export interface StoredEvent extends NewEvent {
  readonly stream: string
  /** 0 for the first event of a stream, without gaps. */
  readonly revision: bigint
  readonly position: Position
  /** When the store took it, RFC 3339. */
  readonly recordedAt: string
}

export interface Appended {
  readonly ok: true
  /** Revision of the last event of the list; of the original ones where the list was a repeat. */
  readonly revision: bigint
  readonly position: Position
}

/** A wrong expectation is a value, not an error: who appends reads again and decides anew. */
export interface Conflict {
  readonly ok: false
  /** Where the stream stands now; absent when there is none. */
  readonly actual: bigint | undefined
}

/** Streams whose name begins with one of these. */
export interface Filter {
  readonly prefixes: readonly string[]
}

export interface ReadOptions {
  /** First revision to give, inclusive; 0n where it is not said. */
  readonly from?: bigint
  /** Most events to give. */
  readonly limit?: number
  readonly direction?: 'forward' | 'backward'
}

export type Delivery = { readonly kind: 'event'; readonly event: StoredEvent } | { readonly kind: 'caught_up'; readonly position: Position }

export interface EventStore {
  /** Appends a list in one piece. ≤ 1,048,576 bytes summed over the list, ids UUIDs and distinct, types not empty, the list
   *  not empty: else Terminal `event_store.invalid_append`, before anything is sent. Transient when the outcome is unknown:
   *  the same list after the same expectation settles it. */
  append(stream: string, events: readonly NewEvent[], expected: Expected): Promise<Appended | Conflict>
  /** Events of one stream in order; none when it does not exist. */
  readStream(stream: string, options?: ReadOptions): AsyncIterable<StoredEvent>
  /** All events of a filter that are there now, in position order, after `from` (exclusive); from the beginning where absent. */
  readAll(filter: Filter, from?: Position): AsyncIterable<StoredEvent>
  /** Like `readAll`, and then what comes, until the signal aborts. `caught_up` whenever the reader has seen all there is;
   *  it may come again. Pull: nothing is fetched far ahead of the consumer. Survives every outage of the store. */
  subscribe(filter: Filter, options: { readonly from?: Position; readonly signal: AbortSignal }): AsyncIterable<Delivery>
  /** Does the store answer, and may it be written to? Throws Transient where not. */
  health(): Promise<void>
  close(): Promise<void>
}

export const MAX_APPEND_BYTES = 1_048_576

/** Positions are decimal integers of any length, padded to one width where they are stored as text. */
export function comparePositions(a: Position, b: Position): number {
  return a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length
}
