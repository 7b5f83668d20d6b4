// How many calls of a kind are under way at once. Who comes later waits its turn, and not longer than it has time.
import { Transient } from '@loomworks/kernel'

const MOST_WAITING = 10_000

export class Slots {
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor(most: number) {
    this.#free = most
  }

  /** Takes a slot, which must be given back; resolves in turn, without a promise where there is one. Rejects with Transient where the
   *  turn has not come by the deadline, or too many wait. */
  take(deadline: number): Promise<void> | undefined {
    if (this.#free === 0) return this.#turn(deadline)
    this.#free--
    return undefined
  }

  /** Gives a slot to who has waited longest. */
  give(): void {
    const [first] = this.#waiting
    if (first === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(first)
    first()
  }

  /** Runs a work in its turn. */
  async run<T>(work: () => Promise<T>, deadline: number): Promise<T> {
    await this.take(deadline)
    try {
      return await work()
    } finally {
      this.give()
    }
  }

  #turn(deadline: number): Promise<void> {
    if (this.#waiting.size >= MOST_WAITING) return Promise.reject(new Transient('the event store is behind: too many calls wait'))
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(go)
        reject(new Transient('the event store is behind: the call was never sent'))
      }, deadline - performance.now())
      const go = () => {
        clearTimeout(late)
        resolve()
      }
      this.#waiting.add(go)
    })
  }
}
