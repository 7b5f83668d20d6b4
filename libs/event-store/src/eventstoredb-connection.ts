// The one client of the process, and the timers around everything that is asked of it. The driver heeds no deadline, keeps what
// waits for an answer in a map of its module, and gets lost when a server goes: so each call races a timer of ours, and a client
// in doubt is disposed of before a new one is made. Two at once would reject each other's appends.
import { setTimeout as delay } from 'node:timers/promises'
import { Transient } from '@loomworks/kernel'
import type { Node } from './eventstoredb-address.ts'
import type { Asked, Driver } from './eventstoredb-driver.ts'
import { Expired, type Failure, failureOf, Replaced } from './eventstoredb-failure.ts'

export interface Timing {
  /** How long one attempt to append may take. */
  readonly attemptMs: number
  /** How long an append or a read is tried: no attempt begins later. */
  readonly deadlineMs: number
  /** How long a read or a subscription may bring nothing before it counts as lost. */
  readonly readMs: number
  /** How long a subscription may be silent before it is looked up whether there is more; live, much longer. */
  readonly quietMs: number
  readonly liveQuietMs: number
}

export const TIMING: Timing = { attemptMs: 3000, deadlineMs: 10_000, readMs: 5000, quietMs: 1000, liveQuietMs: 15_000 }
const FIRST_RETRY_MS = 25
const LAST_RETRY_MS = 2000

/** The timer of a call: what brings news winds it up again, what may be silent for ever stops it. */
export interface Timer {
  rewind(): void
  stop(): void
}

export type Ask<T> = (driver: Driver, timer: Timer) => Asked<T>

interface Limits {
  readonly attemptMs: number
  /** On the clock of `performance`. */
  readonly deadline: number
}

/** Makes a client: of the whole address, or of the node that was said to lead. */
export type OpenDriver = (leader: Node | undefined) => Promise<Driver>

/** A call that has not ended. */
interface Waiting {
  /** False for what may be silent for ever. */
  readonly isTimed: boolean
  fail(error: unknown): void
  expire(now: number): void
}

interface Generation {
  readonly driver: Promise<Driver>
  /** The same, once it is there. */
  made: Driver | undefined
  /** What waits for this client, to be told when it is given up. */
  readonly calls: Set<Waiting>
}

/** Between two looks at what has expired. */
const CLOCK_MS = 50

interface Asking<T> {
  readonly ask: Ask<T>
  readonly timeoutMs: number
  readonly resolve: (answer: T) => void
  readonly reject: (error: unknown) => void
}

/** What becomes of a client when a call has failed, and what the caller is told. */
type Failed = (error: unknown, generation: Generation) => unknown

/** A call of a client, which ends once: with an answer, an error, or the end of its time. */
class Call<T> implements Waiting, Timer {
  readonly #asking: Asking<T>
  readonly #generation: Generation
  readonly #failed: Failed
  #asked: Asked<T> | undefined
  #due: number

  constructor(asking: Asking<T>, generation: Generation, failed: Failed) {
    this.#asking = asking
    this.#generation = generation
    this.#failed = failed
    this.#due = performance.now() + asking.timeoutMs
    generation.calls.add(this)
  }

  get isTimed(): boolean {
    return this.#due !== Number.POSITIVE_INFINITY
  }

  begin(driver: Driver): void {
    if (!this.#generation.calls.has(this)) return
    try {
      this.#asked = this.#asking.ask(driver, this)
      this.#asked.answer.then(
        (answer) => this.#end() && this.#asking.resolve(answer),
        (error: unknown) => this.fail(error),
      )
    } catch (error) {
      this.fail(error)
    }
  }

  fail(error: unknown): void {
    if (!this.#end()) return
    this.#asked?.cancel?.()
    this.#asking.reject(this.#failed(error, this.#generation))
  }

  expire(now: number): void {
    if (now >= this.#due) this.fail(new Expired(`no answer within ${this.#asking.timeoutMs} ms`))
  }

  rewind(): void {
    if (this.isTimed) this.#due = performance.now() + this.#asking.timeoutMs
  }

  stop(): void {
    this.#due = Number.POSITIVE_INFINITY
  }

  /** False where it has ended before. */
  #end(): boolean {
    const ends = this.#generation.calls.delete(this)
    if (ends) this.#asked?.ended?.()
    return ends
  }
}

export class Connection {
  readonly timing: Timing
  readonly #open: OpenDriver
  readonly #onTrouble: (error: unknown) => void
  readonly #stop = new AbortController()
  #generation: Generation | undefined
  #clock: NodeJS.Timeout | undefined
  #ending: Promise<unknown>
  #leader: Node | undefined

  /** `previous` is what the client before this one still does; there is never a second one beside it. */
  constructor(options: {
    readonly open: OpenDriver
    readonly onTrouble: (error: unknown) => void
    readonly timing: Timing
    readonly previous: Promise<unknown>
  }) {
    this.#open = options.open
    this.#onTrouble = options.onTrouble
    this.timing = options.timing
    this.#ending = options.previous
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Asks once. Rejects with `Expired` when the timer runs out, with `Replaced` when another call found the client in doubt. */
  ask<T>(ask: Ask<T>, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => this.#call({ ask, timeoutMs, resolve, reject }))
  }

  /** Asks until there is an answer; throws Transient once it is too late to begin anew. Every attempt has its whole time: one that
   *  was cut short would throw away a sound client. */
  askUntil<T>(ask: Ask<T>, { attemptMs, deadline }: Limits): Promise<T> {
    return new Promise((resolve, reject) => {
      const again = (error: unknown) => void this.#askAgain(ask, { attemptMs, deadline, error }).then(resolve, reject)
      this.#call({ ask, timeoutMs: attemptMs, resolve, reject: again })
    })
  }

  #call<T>(asking: Asking<T>): void {
    if (this.#stop.signal.aborted) {
      asking.reject(closed())
      return
    }
    this.#generation ??= this.#begin()
    const generation = this.#generation
    this.#watch()
    const call = new Call(asking, generation, this.#failed)
    // Nearly always the client is there, and nothing need be waited for.
    if (generation.made !== undefined) call.begin(generation.made)
    else
      generation.driver.then(
        (driver) => call.begin(driver),
        (error: unknown) => call.fail(error),
      )
  }

  readonly #failed: Failed = (error, generation) => {
    const failure = failureOf(error)
    if (failure.remedy === 'anew') this.#give(generation, error, failure)
    return failure.terminal ?? error
  }

  /** One clock for all calls, which runs while one of them is timed: to set and clear one for each would be dear. */
  #watch(): void {
    this.#clock ??= setTimeout(() => {
      this.#clock = undefined
      const now = performance.now()
      for (const call of this.#generation?.calls ?? []) call.expire(now)
      if (this.#generation?.calls.values().some((call) => call.isTimed)) this.#watch()
    }, CLOCK_MS).unref()
  }

  /** When the first attempt has failed. */
  async #askAgain<T>(ask: Ask<T>, { attemptMs, deadline, error }: Limits & { readonly error: unknown }): Promise<T> {
    let trouble = error
    for (const pause = new Backoff(); ; ) {
      if (failureOf(trouble).remedy === 'never') throw trouble
      if (this.#stop.signal.aborted) throw closed(trouble)
      if (deadline - performance.now() <= pause.nextMs) throw new Transient('the event store does not answer', { cause: trouble })
      await pause.wait(this.#stop.signal)
      try {
        return await this.ask(ask, attemptMs)
      } catch (again) {
        trouble = again
      }
    }
  }

  /** Cancels everything. */
  async close(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#clock)
    const generation = this.#generation
    this.#generation = undefined
    if (generation !== undefined) this.#end(generation, closed())
    await this.#ending
  }

  #begin(): Generation {
    const driver = this.#ending.then(() => this.#open(this.#leader))
    const generation: Generation = { driver, made: undefined, calls: new Set() }
    driver.then(
      (made) => {
        generation.made = made
      },
      (error: unknown) => this.#unopened(generation, error),
    )
    return generation
  }

  #unopened(generation: Generation, error: unknown): void {
    if (this.#generation !== generation) return
    this.#generation = undefined
    this.#leader = undefined
    this.#onTrouble(error)
  }

  #give(generation: Generation, error: unknown, { leader }: Failure): void {
    if (this.#generation !== generation) return
    this.#generation = undefined
    this.#leader = leader && { host: leader.address, port: leader.port }
    this.#end(generation, new Replaced('the client was replaced', { cause: error }))
    this.#onTrouble(error)
  }

  #end({ driver, calls }: Generation, reason: Error): void {
    for (const call of calls) call.fail(reason)
    this.#ending = driver.then(
      (made) => made.dispose(),
      () => undefined,
    )
  }
}

/** Pauses between attempts, longer each time and never as long as those of others. */
export class Backoff {
  #ms = FIRST_RETRY_MS

  get nextMs(): number {
    return this.#ms
  }

  reset(): void {
    this.#ms = FIRST_RETRY_MS
  }

  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#ms * (0.5 + Math.random() / 2)
    this.#ms = Math.min(2 * this.#ms, LAST_RETRY_MS)
    await delay(ms, undefined, { signal }).catch(() => undefined)
  }
}

function closed(cause?: unknown): Transient {
  return new Transient('the event store is closed', { cause })
}
