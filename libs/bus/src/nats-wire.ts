// One connection to NATS, as the adapter needs it: `nats.ts` makes them, and nothing else knows the driver. A wire ends with its
// connection and is never mended; `Link` puts a new one in its place, for ever, so that nothing that was written to a dead
// connection comes out of a buffer behind what was written later.
import { Terminal, Transient } from '@loomworks/kernel'

export interface WireMessage {
  readonly subject: string
  readonly reply: string
  readonly headers: Readonly<Record<string, string>>
  /** Status of a message that the server itself wrote, 0 for any other. */
  readonly code: number
  readonly description: string
  readonly data: string
}

export interface WireSubscription {
  /** Hears nothing new; what is on its way is still heard. Resolves when there can be no more. */
  leave(): Promise<void>
}

export interface Asking {
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

export interface Wire {
  /** Transient without an answer, `NobodyThere` when no one listens, Terminal when it may not be said. */
  request(subject: string, data: string, asking: Asking): Promise<WireMessage>
  /** Without an answer; throws when the connection has ended. */
  send(subject: string, data: string, reply?: string): void
  subscribe(subject: string, heard: (message: WireMessage) => void): WireSubscription
  /** A subject of its own for answers. */
  inbox(): string
  /** Resolves when the server has read all that was sent. */
  flush(): Promise<void>
  readonly ended: Promise<unknown>
  close(): Promise<void>
}

/** Nobody listens on the subject of a request: no stream takes it, or the server has none to give yet. */
export class NobodyThere extends Transient {}

const FIRST_AGAIN_MS = 50
const LAST_AGAIN_MS = 2000

export class Link {
  readonly #dial: () => Promise<Wire>
  readonly #onTrouble: (error: unknown) => void
  readonly #stop = new AbortController()
  readonly #listeners = new Set<(wire: Wire) => void>()
  #wire: Wire | undefined
  #running: Promise<void> | undefined
  #next = Promise.withResolvers<Wire>()
  #everUp = false

  constructor(dial: () => Promise<Wire>, onTrouble: (error: unknown) => void) {
    this.#dial = dial
    this.#onTrouble = onTrouble
    this.#next.promise.catch(() => undefined)
  }

  get wire(): Wire | undefined {
    return this.#wire
  }

  /** Is told of this connection and of each that follows; what it gives ends that. */
  onUp(listener: (wire: Wire) => void): () => void {
    this.#start()
    this.#listeners.add(listener)
    if (this.#wire !== undefined) listener(this.#wire)
    return () => void this.#listeners.delete(listener)
  }

  /** The connection, as soon as there is one. Terminal when the server will never have us, Transient at the signal. */
  async up(signal: AbortSignal): Promise<Wire> {
    this.#start()
    if (this.#wire !== undefined) return this.#wire
    const over = Promise.withResolvers<never>()
    const end = () => over.reject(new Transient('the bus is not connected'))
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    try {
      return await Promise.race([this.#next.promise, over.promise])
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#next.reject(new Transient('the bus was closed'))
    await this.#wire?.close()
    await this.#running
  }

  #start(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const wire = await this.#dialled()
      failures = wire === undefined ? failures + 1 : 0
      if (wire !== undefined) await this.#held(wire)
      await pauseMs(Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** failures), this.#stop.signal)
    }
  }

  async #dialled(): Promise<Wire | undefined> {
    try {
      return await this.#dial()
    } catch (error) {
      this.#onTrouble(error)
      // Who never came in will not by waiting: a wrong password stops the start. Later it is an outage like any other.
      if (error instanceof Terminal && !this.#everUp) this.#turn().reject(error)
      return undefined
    }
  }

  async #held(wire: Wire): Promise<void> {
    if (this.#stop.signal.aborted) return wire.close()
    this.#everUp = true
    this.#wire = wire
    this.#turn().resolve(wire)
    for (const listener of this.#listeners) listener(wire)
    await wire.ended
    this.#wire = undefined
    if (!this.#stop.signal.aborted) this.#onTrouble(new Transient('the connection to the bus was lost'))
  }

  /** Those who wait now are answered; who comes later waits for the next answer. */
  #turn(): PromiseWithResolvers<Wire> {
    const waiting = this.#next
    this.#next = Promise.withResolvers<Wire>()
    this.#next.promise.catch(() => undefined)
    return waiting
  }
}

/** Waits, no longer than until the signal aborts. */
export function pauseMs(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
