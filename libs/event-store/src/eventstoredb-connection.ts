// The one client of the process, and the timers around everything that is asked of it. The driver heeds no deadline, keeps what
// waits for an answer in a map of its module, and gets lost when a server goes: so each call races a timer of ours, and a client
// in doubt is disposed of before a new one is made. Two at once would reject each other's appends.
import { setTimeout as delay } from 'node:timers/promises'
import { Transient } from '@loomworks/kernel'
import type { Node } from './eventstoredb-address.ts'
import type { Cancel, Driver } from './eventstoredb-driver.ts'
import { Expired, type Failure, failureOf, Replaced } from './eventstoredb-failure.ts'

export interface Timing {
  /** How long one attempt to append may take. */
  readonly attemptMs: number
  /** How long an append or a read is tried in all. */
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

/** What is asked of a client: what comes of it, and the way to give it up. */
interface Asked<T> {
  readonly answer: Promise<T>
  readonly cancel?: Cancel
}

/** The timer of a call: what brings news winds it up again, what may be silent for ever stops it. */
export interface Timer {
  rewind(): void
  stop(): void
}

export type Ask<T> = (driver: Driver, timer: Timer) => Asked<T>

/** Makes a client: of the whole address, or of the node that was said to lead. */
export type OpenDriver = (leader: Node | undefined) => Promise<Driver>

interface Generation {
  readonly driver: Promise<Driver>
  /** Those who wait for this client, to be told when it is given up. */
  readonly users: Set<(reason: Error) => void>
}

export class Connection {
  readonly timing: Timing
  readonly #open: OpenDriver
  readonly #onTrouble: (error: unknown) => void
  readonly #stop = new AbortController()
  #generation: Generation | undefined
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
  async ask<T>(ask: Ask<T>, timeoutMs: number): Promise<T> {
    if (this.#stop.signal.aborted) throw closed()
    this.#generation ??= this.#begin()
    const generation = this.#generation
    try {
      return await raced(generation, ask, timeoutMs)
    } catch (error) {
      const failure = failureOf(error)
      if (failure.remedy === 'anew') this.#give(generation, error, failure)
      throw failure.terminal ?? error
    }
  }

  /** Asks until there is an answer or time is up; then throws Transient. */
  async askUntil<T>(ask: Ask<T>, { attemptMs, deadline }: { readonly attemptMs: number; readonly deadline: number }): Promise<T> {
    for (const pause = new Backoff(); ; ) {
      const leftMs = deadline - performance.now()
      try {
        return await this.ask(ask, Math.max(1, Math.min(attemptMs, leftMs)))
      } catch (error) {
        if (failureOf(error).remedy === 'never') throw error
        if (this.#stop.signal.aborted) throw closed(error)
        if (deadline - performance.now() <= pause.nextMs) throw new Transient('the event store does not answer', { cause: error })
      }
      await pause.wait(this.#stop.signal)
    }
  }

  /** Cancels everything. */
  async close(): Promise<void> {
    this.#stop.abort()
    const generation = this.#generation
    this.#generation = undefined
    if (generation !== undefined) this.#end(generation, closed())
    await this.#ending
  }

  #begin(): Generation {
    const driver = this.#ending.then(() => this.#open(this.#leader))
    const generation: Generation = { driver, users: new Set() }
    driver.catch((error: unknown) => {
      if (this.#generation !== generation) return
      this.#generation = undefined
      this.#leader = undefined
      this.#onTrouble(error)
    })
    return generation
  }

  #give(generation: Generation, error: unknown, { leader }: Failure): void {
    if (this.#generation !== generation) return
    this.#generation = undefined
    this.#leader = leader && { host: leader.address, port: leader.port }
    this.#end(generation, new Replaced('the client was replaced', { cause: error }))
    this.#onTrouble(error)
  }

  #end({ driver, users }: Generation, reason: Error): void {
    for (const tell of users) tell(reason)
    this.#ending = driver.then(
      (made) => made.dispose(),
      () => undefined,
    )
  }
}

function raced<T>({ driver, users }: Generation, ask: Ask<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    let asked: Asked<T> | undefined
    let over = false
    const finish = (): void => {
      over = true
      clearTimeout(clock)
      users.delete(fail)
    }
    const fail = (error: unknown): void => {
      if (over) return
      finish()
      asked?.cancel?.()
      reject(error)
    }
    const clock = setTimeout(() => fail(new Expired(`no answer within ${timeoutMs} ms`)), timeoutMs)
    users.add(fail)
    const timer: Timer = { rewind: () => void (over || clock.refresh()), stop: () => clearTimeout(clock) }
    driver
      .then((made) => {
        if (over) return
        asked = ask(made, timer)
        asked.answer.then((answer) => {
          if (over) return
          finish()
          resolve(answer)
        }, fail)
      })
      .catch(fail)
  })
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
