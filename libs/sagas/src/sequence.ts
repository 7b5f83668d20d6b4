// One thing at a time for each saga in this process, and no more than 64 sagas at once: what waits, waits in order.
const MOST_AT_ONCE = 64

export class Sequence {
  readonly #last = new Map<string, Promise<unknown>>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** Sagas that are worked on or wait for it. */
  get size(): number {
    return this.#last.size
  }

  async run<R>(key: string, work: () => Promise<R>): Promise<R> {
    const before = this.#last.get(key)
    const turn = (before ?? Promise.resolve()).then(() => this.#bounded(work))
    const settled = turn.catch(() => undefined)
    this.#last.set(key, settled)
    try {
      return await turn
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key)
    }
  }

  async #bounded<R>(work: () => Promise<R>): Promise<R> {
    if (this.#running >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
