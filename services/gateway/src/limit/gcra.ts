// The generic cell rate algorithm: one time per key says when its bucket is full again (ITU-T I.371). Buckets live in this replica
// alone and are forgotten when 100,000 others were used since. They are bounded by size, for `max` would take all the room at once.
import { LRUCache } from 'lru-cache'

export interface Rate {
  /** Requests in a window, and how many of them may come at once. */
  readonly count: number
  readonly windowMs: number
  readonly burst: number
}

export interface Taken {
  readonly allowed: boolean
  /** Requests left at this moment. */
  readonly remaining: number
  /** Milliseconds until the bucket is full, or, when refused, until the next request is allowed. */
  readonly resetMs: number
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000 }

/** `10/min`, or `20/s:40` with a burst of its own; a burst is the count where it is not said. */
export function rateOf(text: string): Rate | undefined {
  const [, count, unit = '', burst] = /^([1-9][0-9]{0,5})\/(s|min|h)(?::([1-9][0-9]{0,5}))?$/.exec(text) ?? []
  const windowMs = UNITS[unit]
  return count === undefined || windowMs === undefined ? undefined : { count: Number(count), windowMs, burst: Number(burst ?? count) }
}

const MOST_KEYS = 100_000

export class Limiter {
  readonly #rate: Rate
  readonly #intervalMs: number
  readonly #full: LRUCache<string, number>
  /** Text of the `RateLimit-Policy` header: quota and window in seconds. */
  readonly policy: string

  constructor(rate: Rate, mostKeys: number = MOST_KEYS) {
    this.#full = new LRUCache({ maxSize: mostKeys, sizeCalculation: () => 1 })
    this.#rate = rate
    this.#intervalMs = rate.windowMs / rate.count
    this.policy = `q=${rate.burst};w=${Math.ceil((rate.burst * this.#intervalMs) / 1000)}`
  }

  take(key: string, nowMs: number): Taken {
    const full = Math.max(this.#full.get(key) ?? 0, nowMs)
    const next = full + this.#intervalMs
    const room = this.#rate.burst * this.#intervalMs - (next - nowMs)
    if (room < -1e-6) return { allowed: false, remaining: 0, resetMs: -room }
    this.#full.set(key, next)
    return { allowed: true, remaining: Math.floor(room / this.#intervalMs + 1e-6), resetMs: next - nowMs }
  }
}
