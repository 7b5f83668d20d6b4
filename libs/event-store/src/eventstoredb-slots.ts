// How many calls of a kind are under way at once. Who comes later waits its turn, and not longer than it has time.
import { Transient } from '@loomworks/kernel'

const MOST_WAITING = 10_000

export class Slots {
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor(most: number) {
    this.#free = most
  }

  /** Runs a work in its turn; throws Transient where its turn has not come by the deadline, or too many wait. */
  async run<T>(work: () => Promise<T>, deadline: number): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#turn(deadline)
    try {
      return await work()
    } finally {
      this.#pass()
    }
  }

  #turn(deadline: number): Promise<void> {
    if (this.#waiting.size >= MOST_WAITING) throw new Transient('the event store is behind: too many calls wait')
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

  /** A free slot goes to who has waited longest. */
  #pass(): void {
    const [first] = this.#waiting
    if (first === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(first)
    first()
  }
}
