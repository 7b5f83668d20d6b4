import { type EventStore, follows, readEnvelope } from '@loomworks/event-store'
import { type Envelope, GENESIS, Terminal } from '@loomworks/kernel'
import type { Projected } from './projection.ts'

const MOST_STREAMS = 10_000

/** Follows the hash chains of many streams. A head that is not known (any more) is read from the store. */
export class ChainCheck {
  readonly #store: EventStore
  readonly #heads = new Map<string, string>()

  constructor(store: EventStore) {
    this.#store = store
  }

  /** The heads after these events, to be kept once they are committed. Throws Terminal `projection.chain_broken` at the first
   *  event that does not follow from the one before it. */
  async check(events: readonly Projected<Envelope>[]): Promise<ReadonlyMap<string, string>> {
    const ahead = new Map<string, string>()
    for (const { stream, revision, envelope } of events) {
      const head = ahead.get(stream) ?? this.#heads.get(stream) ?? (await this.#headBefore(stream, revision))
      if (!follows(envelope, head)) throw new Terminal('projection.chain_broken', `the hash chain of ${stream} breaks at revision ${revision}`)
      ahead.set(stream, envelope.hash)
    }
    return ahead
  }

  keep(heads: ReadonlyMap<string, string>): void {
    for (const [stream, head] of heads) {
      this.#heads.delete(stream)
      this.#heads.set(stream, head)
    }
    for (const oldest of this.#heads.keys()) {
      if (this.#heads.size <= MOST_STREAMS) return
      this.#heads.delete(oldest)
    }
  }

  forget(): void {
    this.#heads.clear()
  }

  async #headBefore(stream: string, revision: bigint): Promise<string> {
    if (revision === 0n) return GENESIS
    for await (const event of this.#store.readStream(stream, { from: revision - 1n, limit: 1 })) return readEnvelope(event).hash
    throw new Terminal('projection.chain_broken', `${stream} has no event before revision ${revision}`)
  }
}
