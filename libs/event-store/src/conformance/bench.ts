import { setImmediate } from 'node:timers/promises'
import { newId, Transient } from '@loomworks/kernel'
import type { Appended, Conflict, Delivery, EventStore, Expected, NewEvent, StoredEvent } from '../port.ts'

/** Stores on one log, as an adapter's test file makes them. */
export interface Bench {
  readonly store: EventStore
  /** The store of another process on the same log; closed with the bench. */
  another(): EventStore
  /** Cuts every connection that is open now. Absent where the engine gives no way; then `uncut` says why. */
  readonly cut?: () => Promise<void>
  readonly uncut?: string
  close(): Promise<void>
}

/** A stream that no other test uses; its name is also a prefix that no other test matches. */
export function freshStream(): string {
  return `conformance-${newId()}`
}

export function event(data: Readonly<Record<string, string | number>> = {}): NewEvent {
  return { id: newId(), type: 'Noted', body: { ...data } }
}

export function events(count: number): readonly NewEvent[] {
  return Array.from({ length: count }, (_, n) => event({ n }))
}

export async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  return Array.fromAsync(items)
}

export function idsOf(list: readonly { readonly id: string }[]): readonly string[] {
  return list.map(({ id }) => id)
}

/** Reads deliveries until this many events were seen. */
export async function firstEvents(deliveries: AsyncIterable<Delivery>, count: number): Promise<readonly StoredEvent[]> {
  const seen: StoredEvent[] = []
  if (count === 0) return seen
  for await (const delivery of deliveries) {
    if (delivery.kind === 'event') seen.push(delivery.event)
    if (seen.length === count) break
  }
  return seen
}

/** Sends the same list after the same expectation until the outcome is known, as the port asks. */
export async function settled(store: EventStore, stream: string, list: readonly NewEvent[], expected: Expected): Promise<Appended | Conflict> {
  for (;;) {
    try {
      return await store.append(stream, list, expected)
    } catch (error) {
      if (!(error instanceof Transient)) throw error
    }
    await setImmediate()
  }
}
