// One durable consumer in this process: runs its handlers, judges how they ended, and gathers the words that settle deliveries.
import { setTimeout as delay } from 'node:timers/promises'
import { Handling, type HandlingMeans } from './handling.ts'
import { Lease } from './lease.ts'
import type { ConsumerSpec, Delivery, Stored, Verdict } from './port.ts'

/** What becomes of a delivery: over, or due again after `delayMs`; `answered` when the handler asked for that. */
export interface Word {
  readonly durable: string
  readonly seq: string
  readonly deliveries: number
  readonly delayMs?: number
  readonly answered?: true
}

export interface Means extends HandlingMeans {
  settle(words: readonly Word[]): Promise<void>
  wake(): void
}

/** A message as it was claimed. */
export interface Claimed extends Stored {
  readonly deliveries: number
  /** Deliveries in a row, this one included, of which nobody has said anything. */
  readonly unanswered: number
}

const MOST_AT_ONCE = 64

export class Consumer {
  readonly spec: ConsumerSpec
  /** May there be something to claim? */
  hungry = true
  /** Did the last claim bring all that was asked for? Then there may be more. */
  #more = true
  readonly #handling: Handling
  readonly #means: Means
  readonly #patterns: readonly RegExp[]
  readonly #running = new Set<Promise<void>>()
  readonly #leases = new Set<Lease>()
  #words = new Map<string, Word>()
  #settling: Promise<void> | undefined
  #stopped = false

  constructor(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>, means: Means) {
    this.spec = spec
    this.#handling = new Handling(spec, handler, means)
    this.#means = means
    this.#patterns = spec.filters.map(patternOf)
  }

  /** How many more handlers may start. One that lost its delivery takes no room: it might never end. */
  get room(): number {
    return this.#stopped ? 0 : Math.min(this.spec.maxPending, MOST_AT_ONCE) - this.#leases.size
  }

  get stopped(): boolean {
    return this.#stopped
  }

  hears(subject: string): boolean {
    return this.#patterns.some((pattern) => pattern.test(subject))
  }

  /** A claim came back, with all that was asked for or less. */
  claimed(all: boolean): void {
    this.#more = all
  }

  take({ unanswered, ...message }: Claimed): void {
    const lease = new Lease(this.spec.ackWaitMs, () => this.#released(lease))
    this.#leases.add(lease)
    const working = () => this.#working(message, lease)
    const running = this.#run({ ...message, signal: lease.signal, working }, unanswered).finally(() => {
      lease.end()
      this.#running.delete(running)
      this.#leases.delete(lease)
      if (this.#more) this.#awake()
    })
    this.#running.add(running)
  }

  #released(lease: Lease): void {
    this.#leases.delete(lease)
    this.#awake()
  }

  #awake(): void {
    this.hungry = true
    this.#means.wake()
  }

  #working({ seq, deliveries }: Pick<Delivery, 'seq' | 'deliveries'>, lease: Lease): void {
    if (!lease.held) return
    lease.renew()
    this.#say({ seq, deliveries }, { delayMs: this.spec.ackWaitMs })
  }

  async #run(delivery: Delivery, unanswered: number): Promise<void> {
    const settlement = await this.#handling.handled(delivery, unanswered)
    if (typeof settlement === 'string') return this.#say(delivery)
    const { delayMs, answered } = settlement
    this.#say(delivery, { delayMs, ...(answered && { answered }) })
  }

  /** The last word on a delivery counts: a statement may touch a row once only. */
  #say({ seq, deliveries }: Pick<Delivery, 'seq' | 'deliveries'>, word: Pick<Word, 'delayMs' | 'answered'> = {}): void {
    this.#words.set(`${seq}/${deliveries}`, { durable: this.spec.durable, seq: String(seq), deliveries, ...word })
    this.#settling ??= this.#settle()
  }

  /** A word that does not get through is no loss: the delivery comes again when its lease ends. */
  async #settle(): Promise<void> {
    await Promise.resolve()
    while (this.#words.size > 0) {
      const words = [...this.#words.values()]
      this.#words = new Map()
      await this.#means.settle(words).catch((error: unknown) => this.#means.trouble(error))
    }
    this.#settling = undefined
  }

  /** Nothing new is taken from now on. */
  close(): void {
    this.#stopped = true
  }

  async stop(deadlineMs: number): Promise<void> {
    this.close()
    const over = delay(deadlineMs, undefined, { ref: false })
    await Promise.race([Promise.all(this.#running), over])
    for (const lease of this.#leases) lease.warn()
    await Promise.race([this.#settling, over])
  }
}

/** A subject filter as a regular expression, the same as `bus.pattern_of`. */
export function patternOf(filter: string): RegExp {
  return new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replaceAll('>', '.+')}$`)
}
