// One durable consumer in this process: runs its handlers, judges how they ended, and gathers the words that settle deliveries.
import { setTimeout as delay } from 'node:timers/promises'
import type { ConsumerSpec, Delivery, Outgoing, Stored, Verdict } from './port.ts'
import { deadLetter, MOST_DELIVERIES, retryDelayMs, verdictOf } from './verdict.ts'

export interface Means {
  settle(verdicts: readonly object[]): Promise<void>
  publish(message: Outgoing): Promise<unknown>
  wake(): void
  /** A handler threw. */
  failed(error: unknown, delivery: Delivery): void
}

const MOST_AT_ONCE = 64

export class Consumer {
  readonly spec: ConsumerSpec
  /** May there be something to claim? */
  hungry = true
  readonly #handler: (delivery: Delivery) => Promise<Verdict>
  readonly #means: Means
  readonly #patterns: readonly RegExp[]
  readonly #running = new Set<Promise<void>>()
  readonly #ending = new AbortController()
  #words: object[] = []
  #settling: Promise<void> | undefined
  #stopped = false

  constructor(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>, means: Means) {
    this.spec = spec
    this.#handler = handler
    this.#means = means
    this.#patterns = spec.filters.map(patternOf)
  }

  get room(): number {
    return this.#stopped ? 0 : Math.min(this.spec.maxPending, MOST_AT_ONCE) - this.#running.size
  }

  hears(subject: string): boolean {
    return this.#patterns.some((pattern) => pattern.test(subject))
  }

  take(message: Stored, deliveries: number): void {
    const running = this.#run({ ...message, deliveries, signal: this.#ending.signal, working: () => this.#say(message, deliveries, this.spec.ackWaitMs) })
    this.#running.add(running)
    void running.finally(() => {
      this.#running.delete(running)
      this.hungry = true
      this.#means.wake()
    })
  }

  async #run(delivery: Delivery): Promise<void> {
    const verdict = delivery.deliveries > MOST_DELIVERIES ? ({ dead: 'exhausted', error: 'delivered too often' } as const) : await this.#judged(delivery)
    if (verdict === 'ack') return this.#say(delivery, delivery.deliveries)
    if ('retryMs' in verdict) return this.#say(delivery, delivery.deliveries, verdict.retryMs)
    await this.#bury(delivery, verdict)
  }

  #judged(delivery: Delivery): Promise<Verdict> {
    return this.#handler(delivery).catch((error: unknown) => {
      this.#means.failed(error, delivery)
      return verdictOf(error, delivery)
    })
  }

  /** The dead letter is acknowledged before the message is let go; while the dead letters are down, nothing ends. */
  async #bury(delivery: Delivery, verdict: Extract<Verdict, { dead: string }>): Promise<void> {
    const letter = deadLetter(delivery, this.spec.stream, this.spec.service, verdict.dead, verdict.error ?? verdict.dead)
    const buried = await this.#means.publish(letter).then(
      () => true,
      () => false,
    )
    this.#say(delivery, delivery.deliveries, buried ? undefined : retryDelayMs(delivery.deliveries, Math.random))
  }

  #say({ seq }: Pick<Stored, 'seq'>, deliveries: number, delayMs?: number): void {
    this.#words.push({ durable: this.spec.durable, seq: String(seq), deliveries, ...(delayMs !== undefined && { delayMs }) })
    this.#settling ??= this.#settle()
  }

  /** A word that does not get through is no loss: the delivery comes again when its lease ends. */
  async #settle(): Promise<void> {
    await Promise.resolve()
    while (this.#words.length > 0) {
      const words = this.#words
      this.#words = []
      await this.#means.settle(words).catch(() => undefined)
      this.hungry = true
      this.#means.wake()
    }
    this.#settling = undefined
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    const over = delay(deadlineMs, undefined, { ref: false })
    await Promise.race([Promise.all(this.#running), over])
    this.#ending.abort()
    await Promise.race([this.#settling, over])
  }
}

/** A subject filter as a regular expression, the same as `bus.pattern_of`. */
export function patternOf(filter: string): RegExp {
  return new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replaceAll('>', '.+')}$`)
}
