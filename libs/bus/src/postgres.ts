// The bus on Postgres. Publishes that wait at the same moment share one statement; one claim at a time asks for every consumer
// that has room; acks are gathered. Claims and acks may be lost with the server (a lost one is a redelivery), publishes may not.
import { setTimeout as delay } from 'node:timers/promises'
import { Terminal, Transient } from '@loomworks/kernel'
import { type Database, type Dedicated, exec, many, one, sql, sqlState } from '@loomworks/sql'
import { z } from 'zod'
import type { Bus, ConsumerSpec, Delivery, Outgoing, Stored, StreamName, StreamSpec, Verdict } from './port.ts'
import { MAX_MESSAGE_BYTES } from './port.ts'
import { Consumer } from './postgres-consumer.ts'

export interface PostgresBusOptions {
  readonly db: Database
  /** Says that a poll or a claim failed; the bus goes on by itself. */
  readonly onTrouble: (error: unknown) => void
  /** Told of a handler that threw; what becomes of the delivery is judged by the bus. */
  readonly onFailure?: (error: unknown, delivery: Delivery) => void
}

const POLL_MS = 250
const MAX_BATCH = 256
const MAX_WAITING = 1000
const EXPIRE_EVERY_MS = 60_000
const CHANNEL = 'loom_bus'

const MessageRow = z.object({
  seq: z.bigint(),
  subject: z.string(),
  id: z.string(),
  headers: z.record(z.string(), z.string()),
  data: z.string(),
  published_at: z.string(),
})
const ClaimedRow = MessageRow.extend({ durable: z.string(), deliveries: z.int() })
const Published = z.object({ ord: z.int(), seq: z.bigint(), duplicate: z.boolean() })
/** Does not wait for the disk, for this one statement: a claim or ack that is lost with the server is a redelivery. */
const LAZILY = sql`(select set_config('synchronous_commit', 'off', true)) as lazily`
type Receipt = { readonly seq: bigint; readonly duplicate: boolean }

interface Waiting {
  readonly message: Outgoing
  readonly deadline: number
  readonly done: (receipt: Receipt) => void
  readonly failed: (error: unknown) => void
}

export class PostgresBus implements Bus {
  readonly #db: Database
  readonly #onTrouble: (error: unknown) => void
  readonly #onFailure: (error: unknown, delivery: Delivery) => void
  readonly #consumers = new Map<string, Consumer>()
  readonly #tails = new Set<() => void>()
  readonly #stop = new AbortController()
  #waiting: Waiting[] = []
  #publishing: Promise<void> | undefined
  #claiming: Promise<void> | undefined
  #again = false
  #listener: Dedicated | undefined
  #notify = false
  #background: Promise<void> | undefined

  constructor(options: PostgresBusOptions) {
    this.#db = options.db
    this.#onTrouble = options.onTrouble
    this.#onFailure = options.onFailure ?? (() => undefined)
  }

  async ensure({ streams, consumers }: { streams: readonly StreamSpec[]; consumers: readonly ConsumerSpec[] }): Promise<void> {
    for (const stream of streams) await this.#made(stream, sql`select bus.make_stream(${JSON.stringify(stream)}) as made`)
    for (const consumer of consumers) await this.#made(consumer, sql`select bus.make_consumer(${JSON.stringify(consumer)}) as made`)
  }

  async #made(wanted: object, statement: ReturnType<typeof sql>): Promise<void> {
    const { made } = await one(this.#db, z.object({ made: z.record(z.string(), z.json()) }), statement)
    for (const [key, value] of Object.entries(wanted)) {
      if (JSON.stringify(made[key]) !== JSON.stringify(value))
        throw new Terminal(
          'bus.config_mismatch',
          `The bus holds ${key} = ${JSON.stringify(made[key])} where ${JSON.stringify(value)} was asked. Change the setting back, or remove the old one.`,
        )
    }
  }

  publish(message: Outgoing, { deadlineMs = 5000 }: { readonly deadlineMs?: number } = {}): Promise<Receipt> {
    if (Buffer.byteLength(message.data) > MAX_MESSAGE_BYTES)
      return Promise.reject(new Terminal('bus.message_too_large', `a message holds ${MAX_MESSAGE_BYTES} bytes at most`))
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new Transient('the bus is behind: too many messages wait to be published'))
    return new Promise((done, failed) => {
      this.#waiting.push({ message, deadline: Date.now() + deadlineMs, done, failed })
      this.#publishing ??= this.#publishAll()
    })
  }

  /** While one statement is in flight the next batch gathers: no timer. */
  async #publishAll(): Promise<void> {
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH)
      await this.#publishBatch(batch).catch((error: unknown) => this.#recover(batch, error))
    }
    // In the same turn in which nothing was found to wait: who comes a turn later must start anew, or would wait for ever.
    this.#publishing = undefined
  }

  async #publishBatch(batch: readonly Waiting[]): Promise<void> {
    const rows = await many(this.#db, Published, sql`select ord, seq, duplicate from bus.publish(${JSON.stringify(batch.map(({ message }) => message))})`)
    for (const { ord, seq, duplicate } of rows) batch[ord - 1]?.done({ seq, duplicate })
    this.#woken(batch.map(({ message }) => message.subject))
  }

  /** A refused message fails alone; while the database is out of reach all of them wait until their deadlines. */
  async #recover(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (error instanceof Transient) return this.#later(batch, error)
    const [only] = batch
    if (batch.length === 1 && only !== undefined) return only.failed(refusedPublish(error))
    for (const each of batch) await this.#publishBatch([each]).catch((failure: unknown) => this.#recover([each], failure))
  }

  async #later(batch: readonly Waiting[], error: Transient): Promise<void> {
    const now = Date.now()
    for (const each of batch) if (each.deadline <= now) each.failed(error)
    this.#waiting.unshift(...batch.filter((each) => each.deadline > now))
    await delay(100)
  }

  consume(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>) {
    const consumer = new Consumer(spec, handler, {
      settle: (verdicts) => this.#settle(verdicts),
      publish: (message) => this.publish(message),
      wake: () => this.#wake(),
      failed: this.#onFailure,
    })
    this.#consumers.set(spec.durable, consumer)
    this.#start()
    this.#wake()
    return {
      stop: async (deadlineMs: number) => {
        await consumer.stop(deadlineMs)
        this.#consumers.delete(spec.durable)
      },
    }
  }

  async #settle(verdicts: readonly object[]): Promise<void> {
    await exec(this.#db, sql`select bus.settle(${JSON.stringify(verdicts)}) from ${LAZILY}`)
  }

  #woken(subjects: readonly string[]): void {
    for (const consumer of this.#consumers.values()) if (subjects.some((subject) => consumer.hears(subject))) consumer.hungry = true
    this.#wake()
    for (const tail of this.#tails) tail()
    this.#notify = true
  }

  /** One claim at a time for all consumers that may have something; whoever asks meanwhile gets another round. */
  #wake(): void {
    this.#again = true
    this.#claiming ??= this.#claimAll()
  }

  async #claimAll(): Promise<void> {
    await Promise.resolve()
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false
      const wants = [...this.#consumers.values()].filter((consumer) => consumer.hungry && consumer.room > 0)
      if (wants.length === 0) break
      for (const consumer of wants) consumer.hungry = false
      await this.#claim(wants).catch((error: unknown) => this.#onTrouble(error))
    }
    this.#claiming = undefined
  }

  async #claim(wants: readonly Consumer[]): Promise<void> {
    const asked = JSON.stringify(wants.map((consumer) => ({ durable: consumer.spec.durable, limit: consumer.room })))
    const rows = await many(
      this.#db,
      ClaimedRow,
      sql`select durable, seq, deliveries, subject, id, headers, data, published_at from ${LAZILY}, bus.claim(${asked})`,
    )
    for (const { durable, deliveries, ...row } of rows) this.#consumers.get(durable)?.take(storedOf(row), deliveries)
  }

  /** Finds what another process published, what is due again, and what a lost wake-up forgot. */
  #start(): void {
    this.#background ??= this.#watch()
  }

  async #watch(): Promise<void> {
    let expired = 0
    while (!this.#stop.signal.aborted) {
      await this.#poll().catch((error: unknown) => this.#onTrouble(error))
      if (Date.now() - expired > EXPIRE_EVERY_MS) {
        expired = Date.now()
        await exec(this.#db, sql`select bus.expire()`).catch((error: unknown) => this.#onTrouble(error))
      }
      await delay(POLL_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined)
    }
  }

  async #poll(): Promise<void> {
    await this.#listen()
    await this.#tell()
    if (this.#consumers.size === 0) return
    const due = await many(this.#db, z.object({ durable: z.string() }), sql`select durable from bus.due(${[...this.#consumers.keys()]})`)
    for (const { durable } of due) this.#markHungry(durable)
    if (due.length > 0) this.#wake()
    for (const tail of this.#tails) tail()
  }

  #markHungry(durable: string): void {
    const consumer = this.#consumers.get(durable)
    if (consumer !== undefined) consumer.hungry = true
  }

  async #listen(): Promise<void> {
    if (this.#listener !== undefined) return
    const listener = await this.#db.dedicated()
    listener.onClosed(() => {
      this.#listener = undefined
    })
    listener.onNotification(() => {
      for (const consumer of this.#consumers.values()) consumer.hungry = true
      this.#wake()
      for (const tail of this.#tails) tail()
    })
    await exec(listener, sql`listen loom_bus`)
    this.#listener = listener
  }

  /** Other processes hear of it after the commit, on this connection of its own, many publishes at once. */
  async #tell(): Promise<void> {
    if (!this.#notify || this.#listener === undefined) return
    this.#notify = false
    await exec(this.#listener, sql`select pg_notify(${CHANNEL}, '')`)
  }

  async *tail(stream: StreamName, filter: string, signal: AbortSignal): AsyncIterable<Stored> {
    let { head: after } = await one(this.#db, z.object({ head: z.bigint() }), sql`select bus.head() as head`)
    this.#start()
    while (!signal.aborted && !this.#stop.signal.aborted) {
      const woken = this.#nextWake(AbortSignal.any([signal, this.#stop.signal]))
      for await (const message of this.browse(stream, filter, after)) {
        after = message.seq
        yield message
      }
      await woken
    }
  }

  #nextWake(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#tails.delete(wake)
        resolve()
      }
      this.#tails.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }

  async *browse(stream: StreamName, filter: string, from = 0n): AsyncIterable<Stored> {
    for (let after = from; ; ) {
      const rows = await many(
        this.#db,
        MessageRow,
        sql`select seq, subject, id, headers, data, published_at from bus.browse(${stream}, (select bus.pattern_of(${filter})), ${after}, ${MAX_BATCH})`,
      )
      for (const row of rows) yield storedOf(row)
      if (rows.length < MAX_BATCH) return
      after = rows.at(-1)?.seq ?? after
    }
  }

  async health(): Promise<{ ok: boolean; detail?: string }> {
    return exec(this.#db, sql`select 1`).then(
      () => ({ ok: true }),
      (error: Error) => ({ ok: false, detail: error.message }),
    )
  }

  async drain(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop(deadlineMs)))
    await this.#publishing
    await this.#tell().catch(this.#onTrouble)
    this.#stop.abort()
    await this.#background
    await this.#claiming
    await this.#listener?.[Symbol.asyncDispose]()
  }
}

function storedOf({ published_at: publishedAt, ...rest }: z.output<typeof MessageRow>): Stored {
  return { ...rest, publishedAt }
}

/** The functions of the schema speak by SQLSTATE: LB001 no stream, LB002 not allowed, LB003 too large. */
function refusedPublish(error: unknown): unknown {
  const state = sqlState(error)
  if (state === 'LB001') return new Terminal('unroutable', 'no stream takes this subject', { cause: error })
  if (state === 'LB002') return new Terminal('bus.subject_refused', 'this service may not publish on that subject', { cause: error })
  if (state === 'LB003') return new Terminal('bus.message_too_large', 'message too large', { cause: error })
  return error
}
