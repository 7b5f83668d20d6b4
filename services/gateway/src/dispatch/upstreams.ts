// The services behind us: connections to each, over Unix sockets where all of them live in one process, whether it may be spoken to now,
// and how often a call to it may be tried again.
import type { ServiceName } from '@loomworks/kernel'
import { type Address, poolTo } from '@loomworks/service-kit'
import type { Pool } from 'undici'
import { Breaker, type Outcome } from './breaker.ts'

/** Of requests, to one service. */
export const CONNECTIONS = 128
/** Each stream has a connection for as long as it is open; requests shall not wait behind them. */
const STREAMS_MOST = 8192
const CONNECT_MS = 250
const RETRY_SHARE = 0.1
const RETRIES_SAVED_MOST = 10

/** Tries beyond the first are at most a tenth of what is sent, or trouble would be answered with more load; a few may be saved up. */
export class RetryBudget {
  #saved = RETRIES_SAVED_MOST

  sent(): void {
    this.#saved = Math.min(RETRIES_SAVED_MOST, this.#saved + RETRY_SHARE)
  }

  take(): boolean {
    if (this.#saved < 1) return false
    this.#saved--
    return true
  }
}

export interface Upstream {
  readonly name: ServiceName
  readonly pool: Pool
  readonly streams: Pool
  readonly breaker: Breaker
  readonly retries: RetryBudget
}

export interface UpstreamsOptions {
  readonly addressOf: (service: ServiceName) => Address
  readonly now: () => number
  /** Told what became of each call, and of each that is tried again. */
  readonly watch: { called(upstream: string, outcome: Outcome): void; retried(upstream: string): void }
}

export class Upstreams {
  readonly #options: UpstreamsOptions
  readonly #known = new Map<ServiceName, Upstream>()

  constructor(options: UpstreamsOptions) {
    this.#options = options
  }

  of(name: ServiceName): Upstream {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const { addressOf, now } = this.#options
    const pool = poolTo(addressOf(name), CONNECTIONS, CONNECT_MS)
    const streams = poolTo(addressOf(name), STREAMS_MOST, CONNECT_MS)
    const upstream = { name, pool, streams, breaker: new Breaker({ now, random: Math.random }), retries: new RetryBudget() }
    this.#known.set(name, upstream)
    return upstream
  }

  ended({ name, breaker }: Upstream, outcome: Outcome, turn: number): void {
    breaker.ended(outcome, turn)
    this.#options.watch.called(name, outcome)
  }

  mayRetry({ name, retries }: Upstream): boolean {
    const may = retries.take()
    if (may) this.#options.watch.retried(name)
    return may
  }

  get all(): readonly Upstream[] {
    return [...this.#known.values()]
  }

  async close(): Promise<void> {
    await Promise.all(this.all.flatMap(({ pool, streams }) => [pool.destroy(), streams.destroy()]))
  }
}
