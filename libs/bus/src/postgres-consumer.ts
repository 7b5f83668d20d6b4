// One durable consumer in this process: runs its handlers, judges how they ended, and gathers the words that settle deliveries.
import { setTimeout as delay } from 'node:timers/promises'
import { Lease } from './lease.ts'
import type { ConsumerSpec, Delivery, Outgoing, Stored, Verdict } from './port.ts'
import { deadLetter, isCrashLoop, retryDelayMs, verdictOf } from './verdict.ts'

/** What becomes of a delivery: over, or due again after `delayMs`; `answered` when the handler asked for that. */
export interface Word {
  readonly durable: string
  readonly seq: string
  readonly deliveries: number
  readonly delayMs?: number
  readonly answered?: true
}

export interface Means {
  settle(words: readonly Word[]): Promise<void>
  publish(message: Outgoing, options: { readonly deadlineMs: number }): Promise<unknown>
  wake(): void
  /** A handler threw. */
  failed(error: unknown, delivery: Delivery): void
  /** The bus itself could not do something; it tries again by itself. */
  trouble(error: unknown): void
}

/** A message as it was claimed. */
export interface Claimed extends Stored {
  readonly deliveries: number
  /** Deliveries in a row, this one included, of which nobody has said anything. */
  readonly unanswered: number
}

const MOST_AT_ONCE = 64
const BURY_MS = 5000

export class Consumer {
  readonly spec: ConsumerSpec
  /** May there be something to claim? */
  hungry = true
  /** Did the last claim bring all that was asked for? Then there may be more. */
  #more = true
  readonly #handler: (delivery: Delivery) => Promise<Verdict>
  readonly #means: Means
  readonly #patterns: readonly RegExp[]
  readonly #running = new Set<Promise<void>>()
  readonly #leases = new Set<Lease>()
  #words = new Map<string, Word>()
  #settling: Promise<void> | undefined
  #stopped = false

  constructor(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>, means: Means) {
    this.spec = spec
    this.#handler = handler
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
    const verdict = isCrashLoop(unanswered) ? ({ dead: 'exhausted', error: 'delivered too often without an answer' } as const) : await this.#judged(delivery)
    if (verdict === 'ack') return this.#say(delivery)
    if ('retryMs' in verdict) return this.#say(delivery, { delayMs: verdict.retryMs, answered: true })
    await this.#bury(delivery, verdict)
  }

  async #judged(delivery: Delivery): Promise<Verdict> {
    try {
      return await this.#handler(delivery)
    } catch (error) {
      this.#means.failed(error, delivery)
      return verdictOf(error, delivery)
    }
  }

  /** The dead letter is acknowledged before the message is let go; while the dead letters are down, nothing ends. */
  async #bury(delivery: Delivery, { dead, error = dead }: Extract<Verdict, { dead: string }>): Promise<void> {
    const letter = deadLetter(delivery, { stream: this.spec.stream, service: this.spec.service, reason: dead, error })
    try {
      await this.#means.publish(letter, { deadlineMs: Math.min(BURY_MS, this.spec.ackWaitMs) })
      this.#say(delivery)
    } catch (trouble) {
      this.#means.trouble(trouble)
      this.#say(delivery, { delayMs: retryDelayMs(delivery.deliveries, Math.random) })
    }
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
