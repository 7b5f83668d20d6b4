// A projection follows streams and writes what it makes of their events in the same transaction as its checkpoint, so each event
// counts exactly once. Rows (rows.ts) and feeds are both made of this.
import { enqueue, type OutboxRow } from '@loomworks/bus'
import { type Position, readEnvelope, type StoredEvent } from '@loomworks/event-store'
import type { Actor, Envelope, Time } from '@loomworks/kernel'
import type { Tx } from '@loomworks/sql'

/** Where an event stands and who stated it. */
export interface About {
  readonly at: Time
  readonly actor: Actor
  readonly stream: string
  readonly revision: bigint
  readonly position: Position
  readonly envelope: Envelope
}

export interface Projected<Event> extends About {
  readonly event: Event
}

export interface Projection {
  /** Names the checkpoint; a new version of a projection has a new name. */
  readonly name: string
  /** Prefixes of the streams it follows. */
  readonly streams: readonly string[]
  /** Follow the hash chain of each stream too; a break stops this projection. */
  readonly verifyChain?: boolean
  /** False for an event that changes nothing here: it costs no transaction, and the checkpoint passes it with the next one that does. */
  readonly concerns?: (event: Projected<Envelope>) => boolean
  /** Writes what becomes of these events, in order, inside the transaction of the checkpoint. */
  apply(tx: Tx, events: readonly Projected<Envelope>[], schema: string): Promise<void>
}

export interface BatchOptions<Event> {
  readonly name: string
  readonly streams: readonly string[]
  readonly verifyChain?: boolean
  readonly concerns?: (event: Event) => boolean
  readonly apply: (tx: Tx, events: readonly Projected<Event>[], schema: string) => Promise<void>
}

/** A projection that writes as it likes. */
export function batchProjection<Event>({ apply, concerns, ...rest }: BatchOptions<Event>): Projection {
  const judged = concerns && { concerns: (each: Projected<Envelope>) => eventsOf<Event>([each]).some(({ event }) => concerns(event)) }
  return { ...rest, ...judged, apply: (tx, events, schema) => apply(tx, eventsOf<Event>(events), schema) }
}

export interface FeedOptions<Event> {
  readonly name: string
  readonly streams: readonly string[]
  readonly verifyChain?: boolean
  /** The integration events that follow from one event. */
  readonly rows: (event: Projected<Event>) => readonly OutboxRow[]
  /** Told inside the transaction that rows were written, e.g. `(tx) => relay.wakeAfter(tx)`. */
  readonly onRows?: (tx: Tx) => void
}

/** The publisher of an event-sourced service: events become outbox rows of its schema. */
export function feedProjection<Event>({ rows, onRows, ...rest }: FeedOptions<Event>): Projection {
  return batchProjection<Event>({
    ...rest,
    apply: async (tx, events, schema) => {
      const outbox = events.flatMap(rows)
      await enqueue(tx, schema, outbox)
      if (outbox.length > 0) onRows?.(tx)
    },
  })
}

export function projectedOf(stored: StoredEvent): Projected<Envelope> {
  const envelope = readEnvelope(stored)
  const { stream, revision, position } = stored
  return { event: envelope, at: envelope.at, actor: envelope.actor, stream, revision, position, envelope }
}

/** The streams a projection follows hold the events of its service. */
function eventsOf<Event>(events: readonly Projected<Envelope>[]): readonly Projected<Event>[] {
  return events as unknown as readonly Projected<Event>[]
}
