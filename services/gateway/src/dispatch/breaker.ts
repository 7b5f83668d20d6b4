// A circuit breaker per service (identity page §13.3): where half of what is sent to it comes to nothing, nothing more is sent for a moment,
// so that it can come back and nobody waits for what will not answer.

export type Outcome = 'answered' | 'failed' | 'left'

export interface BreakerOptions {
  readonly now: () => number
  /** A number from 0 to 1: instances of the gateway shall not all try again at the same moment. */
  readonly random: () => number
}

const WINDOW_MS = 10_000
const SLOTS = 10
const SLOT_MS = WINDOW_MS / SLOTS
const CALLS_LEAST = 20
const FAILED_SHARE = 0.5
const OPEN_MS = 2000
/** Open from three to five quarters of that. */
const JITTER = 0.5

interface Slot {
  readonly number: number
  calls: number
  failed: number
}

export class Breaker {
  readonly #options: BreakerOptions
  readonly #slots: Slot[] = []
  #openUntilMs: number | undefined
  #probing = false
  #turn = 0

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** Milliseconds for which nothing is sent; undefined where a call may go out, which then must be told of to `ended`, with the `turn` it went out
   *  in. Once it has been open for its time, one call goes out to try. */
  enter(): number | undefined {
    if (this.#openUntilMs === undefined) return undefined
    const leftMs = this.#openUntilMs - this.#options.now()
    if (leftMs > 0) return leftMs
    if (this.#probing) return OPEN_MS
    this.#probing = true
    return undefined
  }

  /** What became of a call. One whose client left says nothing of the service, and one from before it opened nothing of what comes of the try. */
  ended(outcome: Outcome, turn: number): void {
    if (turn !== this.#turn) return
    if (this.#openUntilMs !== undefined) return void this.#probed(outcome)
    if (outcome === 'left') return
    const slot = this.#slot()
    slot.calls++
    if (outcome === 'failed') slot.failed++
    if (outcome === 'failed' && this.#tooManyFail()) this.#open()
  }

  /** Grows whenever it opens. */
  get turn(): number {
    return this.#turn
  }

  get isOpen(): boolean {
    return this.#openUntilMs !== undefined
  }

  #probed(outcome: Outcome): void {
    this.#probing = false
    if (outcome === 'failed') this.#open()
    else if (outcome === 'answered') this.#openUntilMs = undefined
  }

  #open(): void {
    const { now, random } = this.#options
    this.#openUntilMs = now() + OPEN_MS * (1 - JITTER / 2 + JITTER * random())
    this.#slots.length = 0
    this.#turn++
  }

  #tooManyFail(): boolean {
    let calls = 0
    let failed = 0
    for (const slot of this.#slots) {
      calls += slot.calls
      failed += slot.failed
    }
    return calls >= CALLS_LEAST && failed >= calls * FAILED_SHARE
  }

  #slot(): Slot {
    const number = Math.floor(this.#options.now() / SLOT_MS)
    const newest = this.#slots.at(-1)
    if (newest !== undefined && newest.number === number) return newest
    while (this.#slots[0] !== undefined && this.#slots[0].number <= number - SLOTS) this.#slots.shift()
    const slot = { number, calls: 0, failed: 0 }
    this.#slots.push(slot)
    return slot
  }
}
