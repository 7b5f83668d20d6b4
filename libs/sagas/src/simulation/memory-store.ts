// An event store in memory, as the port describes it: what is appended in one call is there at once or not at all.
import type { Appended, Conflict, Expected, NewEvent, StoredEvent } from '@loomworks/event-store'
import { timeOf } from '@loomworks/kernel'

export class MemoryEvents {
  readonly streams = new Map<string, StoredEvent[]>()
  readonly #now: () => number
  #position = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** The same ids after the same expectation are a repeat, whatever stands behind them by now. */
  append(stream: string, events: readonly NewEvent[], expected: Expected): Appended | Conflict {
    const stored = this.streams.get(stream) ?? []
    const first = expected === 'no_stream' ? 0 : expected === 'exists' ? stored.length : Number(expected) + 1
    const there = stored.slice(first, first + events.length)
    const last = there.at(-1)
    if (last !== undefined && there.length === events.length && there.every(({ id }, index) => id === events[index]?.id))
      return { ok: true, revision: last.revision, position: last.position }
    if (first !== stored.length || (expected === 'exists' && stored.length === 0)) return { ok: false, actual: stored.at(-1)?.revision }
    for (const event of events) {
      const revision = BigInt(stored.length)
      stored.push({ ...event, stream, revision, position: String(++this.#position), recordedAt: timeOf(this.#now()) })
    }
    this.streams.set(stream, stored)
    return { ok: true, revision: BigInt(stored.length - 1), position: String(this.#position) }
  }

  read(stream: string): readonly StoredEvent[] {
    return [...(this.streams.get(stream) ?? [])]
  }
}
