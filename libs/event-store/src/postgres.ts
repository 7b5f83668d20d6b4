// The event store on Postgres: one group commit for all appends of the process, commit order = position order, readers that are
// woken by hints and never miss an event (architecture §6).
import { setTimeout as delay } from 'node:timers/promises'
import { Transient } from '@loomworks/kernel'
import { type Database, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { checkedAppend } from './checked.ts'
import type { Appended, Conflict, Delivery, EventStore, Expected, Filter, NewEvent, Position, ReadOptions, StoredEvent } from './port.ts'
import { GroupCommit } from './postgres-append.ts'
import { type Page, pageOf, readStreamOn } from './postgres-read.ts'
import { Watch } from './postgres-watch.ts'

export interface PostgresEventStoreOptions {
  /** Stays open when the store is closed: it belongs to whoever made it. */
  readonly db: Database
  /** Says that a poll, a hint or a read of a subscription failed; the store goes on by itself. */
  readonly onTrouble: (error: unknown) => void
}

const BEGINNING: Position = '0'
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 2000
const Standing = z.object({ frozen: z.boolean() })

export class PostgresEventStore implements EventStore {
  readonly #db: Database
  readonly #onTrouble: (error: unknown) => void
  readonly #commits: GroupCommit
  readonly #watch: Watch
  readonly #stop = new AbortController()

  constructor({ db, onTrouble }: PostgresEventStoreOptions) {
    this.#db = db
    this.#onTrouble = onTrouble
    this.#watch = new Watch(db, onTrouble)
    this.#commits = new GroupCommit(db, (streams) => this.#watch.committed(streams))
  }

  async append(stream: string, events: readonly NewEvent[], expected: Expected): Promise<Appended | Conflict> {
    const checked = checkedAppend(stream, events, expected)
    if (this.#stop.signal.aborted) throw new Transient('the event store is closed')
    return this.#commits.append(stream, checked, expected)
  }

  readStream(stream: string, options: ReadOptions = {}): AsyncIterable<StoredEvent> {
    return readStreamOn(this.#db, stream, options)
  }

  async *readAll(filter: Filter, from: Position = BEGINNING): AsyncIterable<StoredEvent> {
    for (let after = from; ; ) {
      const { events, end } = await pageOf(this.#db, filter, after)
      yield* events
      if (end !== undefined) return
      after = events.at(-1)?.position ?? after
    }
  }

  async *subscribe(filter: Filter, { from = BEGINNING, signal }: { readonly from?: Position; readonly signal: AbortSignal }): AsyncIterable<Delivery> {
    const over = AbortSignal.any([signal, this.#stop.signal])
    const waker = this.#watch.waker(filter, over)
    try {
      yield* this.#follow(filter, from, { over, waker })
    } finally {
      waker.drop()
    }
  }

  async *#follow(filter: Filter, from: Position, { over, waker }: Following): AsyncGenerator<Delivery> {
    let told: Position | undefined
    for (let after = from; !over.aborted; ) {
      waker.clear()
      const page = await this.#patiently(filter, after, over)
      for (const event of page.events) {
        if (over.aborted) return
        yield { kind: 'event', event }
      }
      after = page.end ?? page.events.at(-1)?.position ?? after
      if (page.end === undefined) continue
      if (page.end !== told) yield { kind: 'caught_up', position: page.end }
      told = page.end
      await waker.heard()
    }
  }

  /** Reads until the database answers: a subscription outlives every outage. */
  async #patiently(filter: Filter, after: Position, over: AbortSignal): Promise<Page> {
    for (let retryMs = FIRST_RETRY_MS; !over.aborted; retryMs = Math.min(2 * retryMs, LAST_RETRY_MS)) {
      try {
        return await pageOf(this.#db, filter, after)
      } catch (error) {
        if (!(error instanceof Transient)) throw error
        this.#onTrouble(error)
      }
      await delay(retryMs * (0.5 + Math.random() / 2), undefined, { signal: over }).catch(() => undefined)
    }
    return { events: [], end: undefined }
  }

  async health(): Promise<void> {
    const { frozen } = await one(this.#db, Standing, sql`select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as frozen`)
    if (frozen) throw new Transient('the database of the event store takes no writes')
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#commits.idle()
    await this.#watch.close()
  }
}

interface Following {
  readonly over: AbortSignal
  readonly waker: ReturnType<Watch['waker']>
}
