// What the adapter needs of one client of EventStoreDB, in the words of the port: the rest of it is written without the driver.
import type { Filter, NewEvent, Position, StoredEvent } from './port.ts'

/** Something that stands in the log. What is not an event of the port (a tombstone, the server's own) has its position alone. */
export interface Entry {
  readonly position: Position
  readonly event?: StoredEvent
}

/** Hears of what a read brings, and of its end once: without an error where it came to its end by itself. */
export interface Reader {
  entry(entry: Entry): void
  end(error?: unknown): void
}

/** Hears of what a subscription brings, each in the order in which the server said it. */
export interface Follower extends Reader {
  /** The subscription is there. */
  confirmed(): void
  /** Everything that matches has been told up to here. */
  checkpoint(position: Position): void
  caughtUp(): void
}

/** Ends a read or a subscription; nothing is heard of it afterwards. */
export type Cancel = () => void

export interface StreamRange {
  readonly from: bigint | undefined
  readonly direction: 'forward' | 'backward'
  readonly most: number
}

/** What is asked of a client: what comes of it, and the way to give it up. */
export interface Asked<T> {
  readonly answer: Promise<T>
  readonly cancel?: Cancel
  /** Is told when nobody waits for it any more, whatever came of it. */
  readonly ended?: () => void
}

/** What a server says of an append that it has taken. */
export interface Taken {
  readonly nextExpectedRevision: bigint
  readonly position?: { readonly commit: bigint }
}

/** One client. It throws the errors of the driver as they are; `failureOf` tells what they mean. */
export interface Driver {
  append(stream: string, events: readonly NewEvent[], expected: 'no_stream' | bigint): Asked<Taken>
  readStream(stream: string, range: StreamRange, reader: Reader): Cancel
  /** Every entry of the log, whatever its stream, from a position on: the one that stands there is the first. */
  readLog(from: Position, most: number, reader: Reader): Cancel
  subscribe(filter: Filter, after: Position, follower: Follower): Cancel
  /** Cancels what is under way and closes the connection. */
  dispose(): Promise<void>
}

export const BEGINNING: Position = '0'
