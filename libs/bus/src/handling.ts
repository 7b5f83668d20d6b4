// What becomes of a delivery, on any adapter: its handler runs, what it threw is judged, and what cannot be handled is buried.
import type { ConsumerSpec, Delivery, Outgoing, Verdict } from './port.ts'
import { deadLetter, isCrashLoop, retryDelayMs, verdictOf } from './verdict.ts'

/** Over, by an acknowledgement or by a dead letter; or due again, `answered` when the handler asked for that. */
export type Settlement = 'acknowledged' | 'dead' | { readonly delayMs: number; readonly answered: boolean }

export interface HandlingMeans {
  publish(message: Outgoing, options: { readonly deadlineMs: number }): Promise<unknown>
  /** A handler threw. */
  failed(error: unknown, delivery: Delivery): void
  /** The bus itself could not do something; it tries again by itself. */
  trouble(error: unknown): void
}

const BURY_MS = 5000
const CRASH_LOOP = { dead: 'exhausted', error: 'delivered too often without an answer' } as const

export class Handling {
  readonly #spec: ConsumerSpec
  readonly #handler: (delivery: Delivery) => Promise<Verdict>
  readonly #means: HandlingMeans

  constructor(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>, means: HandlingMeans) {
    this.#spec = spec
    this.#handler = handler
    this.#means = means
  }

  /** `unanswered`: deliveries in a row, this one included, of which nobody has said anything. */
  async handled(delivery: Delivery, unanswered: number): Promise<Settlement> {
    const verdict = isCrashLoop(unanswered) ? CRASH_LOOP : await this.#judged(delivery)
    if (verdict === 'ack') return 'acknowledged'
    if ('retryMs' in verdict) return { delayMs: verdict.retryMs, answered: true }
    return this.#buried(delivery, verdict)
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
  async #buried(delivery: Delivery, { dead, error = dead }: Extract<Verdict, { dead: string }>): Promise<Settlement> {
    const { stream, service, ackWaitMs } = this.#spec
    const letter = deadLetter(delivery, { stream, service, reason: dead, error })
    const held = setInterval(() => delivery.working(), ackWaitMs / 3)
    try {
      await this.#means.publish(letter, { deadlineMs: BURY_MS })
      return 'dead'
    } catch (trouble) {
      this.#means.trouble(trouble)
      return { delayMs: retryDelayMs(delivery.deliveries, Math.random), answered: false }
    } finally {
      clearInterval(held)
    }
  }
}
