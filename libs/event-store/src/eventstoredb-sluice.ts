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
  /** Handed over in this turn of the loop, and perhaps not yet written: the client writes before the next turn. */
  #handed = 0
  #looking = false

  /** `sending` gives the stream of the client once it has one. */
  constructor(sending: () => Sending | undefined) {
    this.#sending = sending
  }

  /** Resolves when one more may be handed over, in the order of asking; without a promise where it may at once. */
  pass(): Promise<void> | undefined {
    if (this.#waiting.length === 0) {
      if (this.#unanswered < MOST_UNSENT) {
        this.#unanswered++
        // So few need not be counted turn by turn, and then nothing is known of this turn.
        this.#handed = MOST_UNSENT
        return undefined
      }
      if (this.#room() > 0) {
        this.#hand()
        return undefined
      }
    }
    this.#look(0)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** What was handed over is waited for no more. */
  answered(): void {
    this.#unanswered--
  }

  #hand(): void {
    this.#unanswered++
    this.#handed++
    this.#look(0)
  }

  /** Before there is a stream, whatever is unanswered may come to be unsent at once. */
  #room(): number {
    const stream = this.#sending()
    return MOST_UNSENT - (stream === undefined ? this.#unanswered : this.#handed + stream.writableLength)
  }

  /** In the next turn of the loop; while nothing moves, a little later. */
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

  #open(): void {
    this.#handed = 0
    const gone = this.#waiting.splice(0, Math.max(0, this.#room()))
    for (const go of gone) {
      this.#hand()
      go()
    }
    if (this.#waiting.length > 0) this.#look(gone.length === 0 ? CLOSED_MS : 0)
  }
}
