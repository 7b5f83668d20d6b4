// The hold of a handler on its delivery. It ends with the handler's word, or by itself when the ack wait is over: then the message
// may be given to somebody else, and the handler is told by its signal.
export class Lease {
  readonly #timer: NodeJS.Timeout
  readonly #ending = new AbortController()
  #held = true

  constructor(ackWaitMs: number, onLost: () => void) {
    this.#timer = setTimeout(() => {
      this.#held = false
      this.#ending.abort()
      onLost()
    }, ackWaitMs)
    this.#timer.unref()
  }

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  get held(): boolean {
    return this.#held
  }

  /** The ack wait begins anew. */
  renew(): void {
    if (this.#held) this.#timer.refresh()
  }

  /** The handler has ended. */
  end(): void {
    this.#held = false
    clearTimeout(this.#timer)
  }

  /** Tells the handler that its time is over; what it still says counts. */
  warn(): void {
    this.#ending.abort()
  }
}
