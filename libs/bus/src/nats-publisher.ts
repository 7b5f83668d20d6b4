// What one process publishes to NATS. Up to a window of messages are on their way at once, in the order in which they were handed over.
// When one of them is not acknowledged, everything behind it waits until all that are under way have ended; then they go again in
// their order with the same ids, the first of them alone, so that what was stored already is recognised and nothing overtakes.
import { Terminal, Transient } from '@loomworks/kernel'
import { pauseMs } from './nats-wire.ts'
import type { Outgoing } from './port.ts'

export type Receipt = { readonly seq: bigint; readonly duplicate: boolean }

interface Entry {
  readonly message: Outgoing
  /** Place in the order of handing over. */
  readonly number: number
  readonly deadline: number
  readonly done: (receipt: Receipt) => void
  readonly failed: (error: unknown) => void
}

export interface PublisherMeans {
  /** Sends once and gives the acknowledgement; Transient when there is none. */
  send(message: Outgoing): Promise<Receipt>
  /** Is there a connection to send on? */
  connected(): boolean
  /** Resolves when there is one, at once if so. */
  ready(signal: AbortSignal): Promise<unknown>
}

const WINDOW = 128
const AGAIN_MS = 100
const LATE_EVERY_MS = 50

export class NatsPublisher {
  readonly #means: PublisherMeans
  readonly #stop = new AbortController()
  readonly #flying = new Set<Entry>()
  /** Everybody who waits for a place in the window; a message here belongs to its caller, who waits for it. */
  #waiting: Entry[] = []
  #again: Entry[] = []
  #window = WINDOW
  #recovering: Promise<void> | undefined
  #watch: NodeJS.Timeout | undefined
  #numbers = 0
  #trouble: unknown
  #idle: PromiseWithResolvers<void> | undefined

  constructor(means: PublisherMeans) {
    this.#means = means
  }

  publish(message: Outgoing, deadlineMs: number): Promise<Receipt> {
    return new Promise((done, failed) => {
      this.#waiting.push({ message, number: this.#numbers++, deadline: Date.now() + deadlineMs, done, failed })
      this.#watch ??= setInterval(() => this.#failLate(), LATE_EVERY_MS)
      this.#pump()
    })
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    this.#idle ??= Promise.withResolvers()
    this.#rest()
    await this.#idle?.promise
  }

  /** Nothing more is sent; who still waits is told so. */
  close(): void {
    this.#stop.abort()
    for (const each of this.#all()) each.failed(new Transient('the bus was closed', { cause: this.#trouble }))
    this.#waiting = []
    this.#again = []
    this.#rest()
  }

  get #busy(): boolean {
    return this.#waiting.length + this.#again.length + this.#flying.size > 0
  }

  #all(): readonly Entry[] {
    return [...this.#flying, ...this.#again, ...this.#waiting]
  }

  #pump(): void {
    if (this.#recovering !== undefined || this.#again.length > 0 || this.#stop.signal.aborted) return
    const now = Date.now()
    const room = this.#window - this.#flying.size
    // What was late before it was sent is not sent: who asked has been told so, and may have sent it again behind another.
    for (const entry of this.#waiting.splice(0, Math.max(0, room))) {
      if (entry.deadline > now) void this.#sent(entry)
      else entry.failed(this.#late())
    }
  }

  async #sent(entry: Entry): Promise<void> {
    this.#flying.add(entry)
    try {
      entry.done(await this.#means.send(entry.message))
      this.#window = WINDOW
    } catch (error) {
      if (error instanceof Transient) this.#toGoAgain(entry, error)
      else entry.failed(error)
    }
    this.#flying.delete(entry)
    if (this.#again.length > 0 && this.#flying.size === 0) this.#recovering ??= this.#recover()
    else this.#pump()
    this.#rest()
  }

  #toGoAgain(entry: Entry, trouble: Transient): void {
    this.#trouble = trouble
    if (!this.#stop.signal.aborted) this.#again.push(entry)
  }

  async #recover(): Promise<void> {
    if (this.#means.connected()) await pauseMs(AGAIN_MS, this.#stop.signal)
    await this.#means.ready(this.#stop.signal).catch((error: unknown) => this.#refuse(error))
    this.#waiting = [...this.#again.toSorted((a, b) => a.number - b.number), ...this.#waiting]
    this.#again = []
    this.#window = 1
    this.#recovering = undefined
    this.#pump()
    this.#rest()
  }

  /** The server will never have us: who waits need not wait for the deadline. */
  #refuse(error: unknown): void {
    if (!(error instanceof Terminal)) return
    for (const each of this.#all()) each.failed(error)
    this.#waiting = []
    this.#again = []
  }

  /** A server that is frozen answers nothing at all, so deadlines are watched here. One that is on its way keeps its place until its
   *  sending has ended. */
  #failLate(): void {
    const now = Date.now()
    for (const each of this.#all()) if (each.deadline <= now) each.failed(this.#late())
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now)
    this.#again = this.#again.filter(({ deadline }) => deadline > now)
    this.#rest()
  }

  #late(): Transient {
    return new Transient('the bus did not acknowledge the message in time', { cause: this.#trouble })
  }

  #rest(): void {
    if (this.#busy) return
    clearInterval(this.#watch)
    this.#watch = undefined
    this.#idle?.resolve()
    this.#idle = undefined
  }
}
