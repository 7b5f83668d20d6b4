// The bus as the services see it. Two adapters stand behind it (Postgres, NATS JetStream) and one conformance suite
// (conformance.ts) says what both must do. It may lose, repeat, delay and reorder: truth is elsewhere.

/** Why a message ended in the dead letters. */
export type DeadReason = 'exhausted' | 'schema' | 'unknown_version' | 'input_mismatch' | 'stale' | 'unroutable'

export type StreamName = 'SAGA_CMD' | 'SAGA_REP' | 'EVENTS' | 'DLQ'

export interface Outgoing {
  readonly subject: string
  /** Repeats of one id inside the duplicate window are taken once. */
  readonly id: string
  readonly headers?: Readonly<Record<string, string>>
  /** JSON text, ≤ 64 KiB: more is Terminal `bus.message_too_large`. */
  readonly data: string
}

export interface Stored {
  readonly id: string
  /** Place in its stream, ascending. */
  readonly seq: bigint
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly data: string
  /** RFC 3339. */
  readonly publishedAt: string
}

export interface Delivery extends Stored {
  /** 1 for the first time. */
  readonly deliveries: number
  /** Aborted when the consumption drains or the delivery's lease is lost. */
  readonly signal: AbortSignal
  /** Says that the handler is still at it: the ack wait begins anew. */
  working(): void
}

export type Verdict = 'ack' | { readonly retryMs: number } | { readonly dead: DeadReason; readonly error?: string }

export interface ConsumerSpec {
  readonly stream: StreamName
  /** Durable name, shared by all instances of a service; one process reads it once. */
  readonly durable: string
  /** Subject filters, any of which a message matches: tokens by dots, `*` for one, `>` for the rest. They only ever widen: what one
   *  instance hears is not taken away by an older one. A handler acknowledges what it does not know. */
  readonly filters: readonly string[]
  /** Most messages under way at once over all instances; 1 keeps order. */
  readonly maxPending: number
  readonly ackWaitMs: number
  /** The service whose dead letters these become: `dlq.<service>.<reason>`. */
  readonly service: string
}

export interface StreamSpec {
  readonly name: StreamName
  readonly subjects: readonly string[]
  readonly maxAgeMs: number
  readonly maxBytes: number
  readonly maxMessageBytes: number
  readonly duplicateWindowMs: number
}

export interface Topology {
  readonly streams: readonly StreamSpec[]
  readonly consumers: readonly ConsumerSpec[]
}

export interface Consumption {
  /** Takes nothing new, lets running handlers end (≤ deadlineMs) and confirms their acks. */
  stop(deadlineMs: number): Promise<void>
}

/** How much lies before a durable. */
export interface Depth {
  readonly durable: string
  /** Messages that nobody was given yet. */
  readonly waiting: number
  /** Given to a handler that has not answered. */
  readonly pending: number
}

export interface BusHealth {
  readonly ok: boolean
  readonly detail?: string
}

export interface TailOptions {
  readonly signal: AbortSignal
  /** Told once, when the tail has its place: it is given all that is published from then on. */
  readonly onListening?: () => void
}

export interface Bus {
  /** Creates what is missing, widens filters, reads back and compares; a difference is Terminal `bus.config_mismatch`. */
  ensure(topology: Topology): Promise<void>
  /** Resolves after the durable acknowledgement; retries with the same id until `deadlineMs` (default 5,000), then Transient: the
   *  message may have been stored or not, so try again with the same id. What is handed over in one turn is stored in that order. */
  publish(message: Outgoing, options?: { readonly deadlineMs?: number }): Promise<{ readonly seq: bigint; readonly duplicate: boolean }>
  /** A durable consumer, shared by all instances. A handler that throws is judged by `verdictOf` (verdict.ts). */
  consume(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>): Consumption
  /** Every instance sees every message published from the moment it listens on, over outages, until the signal aborts. */
  tail(stream: StreamName, filter: string, options: TailOptions): AsyncIterable<Stored>
  /** What is stored after the place `from`, without any effect on consumers. */
  browse(stream: StreamName, filter: string, from?: bigint): AsyncIterable<Stored>
  depth(consumers: readonly Pick<ConsumerSpec, 'stream' | 'durable'>[]): Promise<readonly Depth[]>
  health(): Promise<BusHealth>
  drain(deadlineMs: number): Promise<void>
}

export const MAX_MESSAGE_BYTES = 65_536

/** Partition token of an entity: FNV-1a 32 of its id modulo 8, the same on every adapter. */
export function laneOf(entityId: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(entityId, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash % LANES
}

export const LANES = 8
