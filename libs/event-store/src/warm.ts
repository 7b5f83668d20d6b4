// Aggregates kept in memory between commands, and the queue in which the commands of one stream stand.
import { Transient, type WriteModel } from '@loomworks/kernel'
import type { Aggregate } from './aggregate.ts'

const MOST_EVENTS = 200_000
const MOST_QUEUED = 1000

// biome-ignore lint/suspicious/noExplicitAny: the cache holds the states of all models; `take` gives each back to its own.
type AnyModel = WriteModel<any, any>

/** The least recently used goes first, by number of aggregates and by the events folded in all of them. */
export class WarmAggregates {
  readonly #most: number
  readonly #kept = new Map<string, { readonly model: AnyModel; readonly aggregate: Aggregate<unknown> }>()
  #events = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Gives an aggregate out of the cache: whoever took it alone may change it, and puts it back when it is right. */
  take<State>(stream: string, model: AnyModel): Aggregate<State> | undefined {
    const kept = this.#kept.get(stream)
    if (kept === undefined) return undefined
    this.#drop(stream)
    return kept.model === model ? (kept.aggregate as Aggregate<State>) : undefined
  }

  put(stream: string, model: AnyModel, aggregate: Aggregate<unknown>): void {
    this.#drop(stream)
    this.#kept.set(stream, { model, aggregate })
    this.#events += aggregate.ids.size
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#most && this.#events <= MOST_EVENTS) return
      this.#drop(oldest)
    }
  }

  #drop(stream: string): void {
    this.#events -= this.#kept.get(stream)?.aggregate.ids.size ?? 0
    this.#kept.delete(stream)
  }
}

/** Commands of one stream run one after the other in this process, so that they do not conflict among themselves. */
export class StreamQueues {
  readonly #queues = new Map<string, { last: Promise<unknown>; length: number }>()

  run<T>(stream: string, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(stream) ?? { last: Promise.resolve(), length: 0 }
    if (queue.length >= MOST_QUEUED) return Promise.reject(new Transient(`too many commands wait for ${stream}`))
    queue.length++
    this.#queues.set(stream, queue)
    const running = queue.last.then(work)
    queue.last = running
      .catch(() => undefined)
      .finally(() => {
        if (--queue.length === 0) this.#queues.delete(stream)
      })
    return running
  }
}
