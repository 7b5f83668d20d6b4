// How readers hear of new events: at once from appends of this process, by NOTIFY from other processes, and from a slow poll when
// a hint was lost. A hint is sent after the commit on a connection of its own, many appends at once: inside the write
// transaction it would make appends five to ten times slower.
import { setTimeout as delay } from 'node:timers/promises'
import { newId } from '@loomworks/kernel'
import { type Database, type Dedicated, exec, one, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { Filter } from './port.ts'

const POLL_MS = 250
/** Least time between two hints to other processes. */
const HINT_MS = 20
const CHANNEL = 'loom_event_store'
const Head = z.object({ head: z.bigint() })

/** What one reader waits on. */
export interface Waker {
  /** Says that everything is read that has been heard of so far. */
  clear(): void
  /** Resolves once something was heard since `clear`, or the signal aborted. */
  heard(): Promise<void>
  drop(): void
}

interface Listening {
  readonly filter: Filter
  readonly wake: () => void
}

export class Watch {
  readonly #db: Database
  readonly #onTrouble: (error: unknown) => void
  readonly #readers = new Set<Listening>()
  readonly #stop = new AbortController()
  /** Names this process in its hints, which it need not hear itself. */
  readonly #self = newId()
  #background: Promise<void> | undefined
  #hinting: Promise<void> | undefined
  #unsaid = false
  #listener: Dedicated | undefined
  #head = -1n

  constructor(db: Database, onTrouble: (error: unknown) => void) {
    this.#db = db
    this.#onTrouble = onTrouble
  }

  waker(filter: Filter, signal: AbortSignal): Waker {
    let heard = false
    let tell: () => void = () => undefined
    const wake = () => {
      heard = true
      tell()
    }
    const reader = { filter, wake }
    this.#readers.add(reader)
    signal.addEventListener('abort', wake, { once: true })
    this.#start()
    return {
      clear: () => {
        heard = signal.aborted
      },
      heard: () =>
        new Promise((resolve) => {
          tell = resolve
          if (heard) resolve()
        }),
      drop: () => {
        this.#readers.delete(reader)
        signal.removeEventListener('abort', wake)
      },
    }
  }

  /** This process appended to these streams. */
  committed(streams: readonly string[]): void {
    for (const { filter, wake } of this.#readers) if (streams.some((stream) => matches(filter, stream))) wake()
    this.#start()
    this.#unsaid = true
    this.#hinting ??= this.#hint()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#background
    await this.#hinting
    await this.#listener?.[Symbol.asyncDispose]()
  }

  #wakeAll(): void {
    for (const { wake } of this.#readers) wake()
  }

  /** Nothing is lost with a hint that fails: the other processes poll. */
  async #hint(): Promise<void> {
    await Promise.resolve()
    while (this.#unsaid && this.#listener !== undefined && !this.#stop.signal.aborted) {
      this.#unsaid = false
      await exec(this.#listener, prepared('event_store_hint', sql`select pg_notify(${CHANNEL}, ${this.#self})`)).catch(this.#onTrouble)
      await this.#pause(HINT_MS)
    }
    this.#hinting = undefined
  }

  #start(): void {
    this.#background ??= this.#watch()
  }

  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#poll().catch(this.#onTrouble)
      await this.#pause(POLL_MS)
    }
  }

  async #poll(): Promise<void> {
    await this.#listen()
    if (this.#readers.size === 0) return
    const { head } = await one(this.#db, Head, prepared('event_store_head', sql`select event_store.head() as head`))
    if (head === this.#head) return
    this.#head = head
    this.#wakeAll()
  }

  async #listen(): Promise<void> {
    if (this.#listener !== undefined || this.#stop.signal.aborted) return
    const listener = await this.#db.dedicated()
    listener.onClosed(() => {
      this.#listener = undefined
    })
    listener.onNotification((_channel, sender) => {
      if (sender !== this.#self) this.#wakeAll()
    })
    // A hint writes nothing that must survive, so its commit need not wait for the disk.
    await exec(listener, sql`set synchronous_commit = off`)
    await exec(listener, sql`listen loom_event_store`)
    this.#listener = listener
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}

function matches({ prefixes }: Filter, stream: string): boolean {
  return prefixes.some((prefix) => stream.startsWith(prefix))
}
