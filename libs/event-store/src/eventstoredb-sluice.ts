// How many appends are handed to the client at once. It holds back what comes while sixteen messages of its stream are unsent, and
// when the stream then breaks, what it held back is rejected where nobody can catch it: that would end the process.

const MOST_UNSENT = 15
const CLOSED_MS = 5

/** What can be told of a stream of appends: how many of its messages are unsent. */
interface Sending {
  readonly writableLength: number
}

export class Sluice {
  readonly #sending: () => Sending | undefined
  readonly #waiting: (() => void)[] = []
  /** Handed over and not answered; what is unsent is among them. */
  #unanswered = 0
  #looking = false

  /** `sending` gives the stream of the client once it has one. */
  constructor(sending: () => Sending | undefined) {
    this.#sending = sending
  }

  /** Resolves when one more may be handed over, in the order of asking; without a promise where it may at once. */
  pass(): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#unanswered < MOST_UNSENT) {
      this.#unanswered++
      return undefined
    }
    this.#look(0)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** What was handed over has been answered. */
  answered(): void {
    this.#unanswered--
  }

  /** In the next turn of the loop, when the client has written what it was handed in this one; while nothing moves, a little later. */
  #look(pauseMs: number): void {
    if (this.#looking) return
    this.#looking = true
    const open = () => {
      this.#looking = false
      this.#open()
    }
    if (pauseMs === 0) setImmediate(open)
    else setTimeout(open, pauseMs)
  }

  /** Before there is a stream, whatever is unanswered may come to be unsent at once. */
  #open(): void {
    const unsent = Math.min(this.#unanswered, this.#sending()?.writableLength ?? this.#unanswered)
    const gone = this.#waiting.splice(0, Math.max(0, MOST_UNSENT - unsent))
    this.#unanswered += gone.length
    for (const go of gone) go()
    if (this.#waiting.length > 0) this.#look(gone.length === 0 ? CLOSED_MS : 0)
  }
}
