// The live end of a filter, once for the whole process: one subscription whose latest events are kept in a bounded stretch, from
// which every consumer takes at its own pace. Who falls behind the stretch reads pages until he is in it again.
import { Backoff, type Connection } from './eventstoredb-connection.ts'
import { type Bounds, weightOf } from './eventstoredb-entries.ts'
import { failureOf, Replaced } from './eventstoredb-failure.ts'
import { Follow } from './eventstoredb-follow.ts'
import { comparePositions, type Filter, type Position, type StoredEvent } from './port.ts'

const STRETCH: Bounds = { events: 1024, weight: 8_388_608 }

/** What a consumer does next: take an event, read pages first, know that there is no more, or wait. */
export type Next =
  | { readonly kind: 'event'; readonly event: StoredEvent }
  | { readonly kind: 'behind' }
  | { readonly kind: 'seen_all'; readonly position: Position }
  | { readonly kind: 'wait' }

export class Stretch {
  readonly #bounds: Bounds
  #events: StoredEvent[] = []
  #weight = 0
  #floor: Position

  /** Everything that matches after `floor` is in it. */
  constructor(floor: Position, bounds: Bounds = STRETCH) {
    this.#floor = floor
    this.#bounds = bounds
  }

  get floor(): Position {
    return this.#floor
  }

  get size(): number {
    return this.#events.length
  }

  add(event: StoredEvent): void {
    this.#events.push(event)
    this.#weight += weightOf(event.body)
    if (this.#events.length > this.#bounds.events || this.#weight > this.#bounds.weight) this.#shorten()
  }

  /** The first event after a position. */
  after(position: Position): StoredEvent | undefined {
    let [low, high] = [0, this.#events.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (comparePositions(this.#events[middle]?.position ?? '', position) > 0) high = middle
      else low = middle + 1
    }
    return this.#events[low]
  }

  /** Half of it goes, so that it is not moved with every event. */
  #shorten(): void {
    const gone = this.#events.splice(0, Math.ceil(this.#events.length / 2))
    this.#floor = gone.at(-1)?.position ?? this.#floor
    this.#weight = this.#events.reduce((sum, { body }) => sum + weightOf(body), 0)
  }
}

export class Feed {
  readonly #connection: Connection
  readonly #filter: Filter
  readonly #onTrouble: (error: unknown) => void
  readonly #stop = new AbortController()
  #stretch: Stretch | undefined
  #seen: Position = ''
  #caughtUp = false
  #change = Promise.withResolvers<void>()
  #failure: unknown

  constructor(connection: Connection, filter: Filter, onTrouble: (error: unknown) => void) {
    this.#connection = connection
    this.#filter = filter
    this.#onTrouble = onTrouble
  }

  /** Where a consumer must be to take from here; absent until somebody has come to the end of the log. */
  get floor(): Position | undefined {
    return this.#stretch?.floor
  }

  /** Begins where a consumer has seen all there was. */
  startAt(position: Position): void {
    if (this.#stretch !== undefined) return
    this.#stretch = new Stretch(position)
    this.#seen = position
    void this.#run()
  }

  next(after: Position): Next {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#stretch === undefined || comparePositions(after, this.#stretch.floor) < 0) return { kind: 'behind' }
    const event = this.#stretch.after(after)
    if (event !== undefined) return { kind: 'event', event }
    return this.#caughtUp && comparePositions(this.#seen, after) >= 0 ? { kind: 'seen_all', position: this.#seen } : { kind: 'wait' }
  }

  /** Resolves with the next change. */
  changed(): Promise<void> {
    return this.#change.promise
  }

  tell(): void {
    const { resolve } = this.#change
    this.#change = Promise.withResolvers()
    resolve()
  }

  stop(): void {
    this.#stop.abort()
  }

  /** Follows for ever, from where it has seen everything, whatever ends the subscription. */
  async #run(): Promise<void> {
    const over = AbortSignal.any([this.#stop.signal, this.#connection.signal])
    for (const pause = new Backoff(); !over.aborted; ) {
      await this.#once(pause).catch((error: unknown) => {
        if (over.aborted) return
        if (failureOf(error).remedy === 'never') this.#fail(error)
        else this.#onTrouble(error)
      })
      this.#caughtUp = false
      await pause.wait(over)
    }
  }

  /** Rejects when the subscription ends, or nobody follows any more. */
  #once(pause: Backoff): Promise<never> {
    const { readMs, quietMs, liveQuietMs } = this.#connection.timing
    return this.#connection.ask<never>((driver, timer) => {
      const { promise, reject } = Promise.withResolvers<never>()
      const follow = new Follow(driver, {
        filter: this.#filter,
        after: this.#seen,
        quietMs,
        liveQuietMs,
        onLife: () => undefined,
        onConfirmed: () => {
          timer.stop()
          pause.reset()
        },
        onEvent: (event) => {
          this.#stretch?.add(event)
          this.#moved(follow.seen)
        },
        onCaughtUp: () => {
          this.#caughtUp = true
          this.#moved(follow.seen)
        },
        onEnd: reject,
      })
      this.#stop.signal.addEventListener('abort', () => reject(new Replaced('nobody follows any more')), { once: true })
      return { answer: promise, cancel: () => follow.stop() }
    }, readMs)
  }

  #moved(seen: Position): void {
    this.#seen = seen
    this.tell()
  }

  #fail(error: unknown): void {
    this.#failure = error
    this.stop()
    this.tell()
  }
}
