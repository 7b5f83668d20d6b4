// A bus that may do anything: lose, repeat, delay, reorder; deliver again to another instance what a dead one had taken.
import type { Node, Scheduler } from './scheduler.ts'

export interface Message {
  readonly subject: string
  readonly id: string
  readonly data: string
}

export interface Listener {
  readonly node: Node
  handle(message: Message, deliveries: number): Promise<unknown>
}

const MOST_DELIVERIES = 20
const ACK_WAIT_MS = 5000
const DUPLICATE_WINDOW_MS = 120_000

export class Network {
  readonly #scheduler: Scheduler
  /** Who may take a message of a subject. */
  readonly #listeners: (subject: string) => readonly Listener[]
  readonly #recent = new Map<string, number>()

  constructor(scheduler: Scheduler, listeners: (subject: string) => readonly Listener[]) {
    this.#scheduler = scheduler
    this.#listeners = listeners
  }

  send(message: Message): void {
    const { dice, faulty, now } = this.#scheduler
    const seen = this.#recent.get(message.id)
    if (seen !== undefined && now - seen < DUPLICATE_WINDOW_MS && !dice.chance(0.1)) return
    this.#recent.set(message.id, now)
    if (faulty && dice.chance(0.05)) return
    for (let copies = faulty && dice.chance(0.1) ? 2 : 1; copies > 0; copies--) this.#scheduler.later(this.#delay(), () => this.#deliver(message, 1))
  }

  #delay(): number {
    const { dice, faulty } = this.#scheduler
    const fate = faulty ? dice.next() : 0
    return fate < 0.85 ? 1 + dice.below(20) : fate < 0.97 ? dice.below(4000) : dice.below(40_000)
  }

  #deliver(message: Message, deliveries: number): void {
    const listening = this.#listeners(message.subject).filter(({ node }) => node.alive)
    // What waits for a service that is down may be lost with the bus (F14).
    if (listening.length === 0 && this.#scheduler.dice.chance(0.2)) return
    if (listening.length === 0) this.#scheduler.later(500, () => this.#deliver(message, deliveries))
    else if (deliveries <= MOST_DELIVERIES) this.#hand(message, deliveries, this.#scheduler.dice.pick(listening))
  }

  #hand(message: Message, deliveries: number, listener: Listener): void {
    let open = true
    const again = () => {
      if (open) this.#deliver(message, deliveries + 1)
      open = false
    }
    const done = () => {
      open = false
    }
    this.#scheduler.later(ACK_WAIT_MS, again)
    listener.handle(message, deliveries).then(done, () => this.#scheduler.later(200 + this.#scheduler.dice.below(800), again))
  }
}
