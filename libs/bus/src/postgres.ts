// The bus on Postgres. Publishes that wait at the same moment share one statement; one turn at a time says what became of deliveries
// and claims for every consumer that has room. Claims and acks may be lost with the server (a lost one is a redelivery), publishes may not.
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { Terminal, Transient } from '@loomworks/kernel'
import { type Database, exec, many, one, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { Bus, ConsumerSpec, Consumption, Delivery, Depth, Outgoing, Stored, StreamName, TailOptions, Topology, Verdict } from './port.ts'
import { Consumer, patternOf, type Word } from './postgres-consumer.ts'
import { Publisher, type Receipt } from './postgres-publisher.ts'
import { Wakeups } from './postgres-wakeups.ts'

const MadeRow = z.object({ made: z.record(z.string(), z.json()) })
const WorkedRow = z.object({ worked: z.bigint() })
const DurableRow = z.object({ durable: z.string() })
const DepthRow = z.object({ durable: z.string(), waiting: z.coerce.number(), pending: z.coerce.number() })
const HeadRow = z.object({ head: z.bigint() })

export interface PostgresBusOptions {
  readonly db: Database
  /** Says that a poll or a claim failed; the bus goes on by itself. */
  readonly onTrouble: (error: unknown) => void
  /** Told of a handler that threw; what becomes of the delivery is judged by the bus. */
  readonly onFailure?: (error: unknown, delivery: Delivery) => void
}

const POLL_MS = 250
const PUBLISH_MS = 5000
const BROWSE_PAGE = 256
const EXPIRE_EVERY_MS = 60_000
// `bus.expire` works on so many messages of a stream at most; some rounds in a row catch up with a busy minute.
const EXPIRE_BATCH = 10_000n
const EXPIRE_ROUNDS = 20

const MessageRow = z.object({
  seq: z.bigint(),
  subject: z.string(),
  id: z.string(),
  headers: z.record(z.string(), z.string()),
  data: z.string(),
  published_at: z.string(),
})
const ClaimedRow = MessageRow.extend({ durable: z.string(), deliveries: z.int(), unanswered: z.int() })
const Published = z.object({ seq: z.bigint(), duplicate: z.boolean() })
/** Does not wait for the disk, for this one statement: a claim or ack that is lost with the server is a redelivery. */
const LAZILY = sql`(select set_config('synchronous_commit', 'off', true)) as lazily`

interface Unsettled {
  readonly words: readonly Word[]
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

export class PostgresBus implements Bus {
  readonly #db: Database
  readonly #onTrouble: (error: unknown) => void
  readonly #onFailure: (error: unknown, delivery: Delivery) => void
  readonly #consumers = new Map<string, Consumer>()
  readonly #publisher = new Publisher((messages) => this.#stored(messages))
  readonly #wakeups: Wakeups
  readonly #tails = new Set<{ readonly pattern: RegExp; readonly wake: () => void }>()
  readonly #stop = new AbortController()
  /** What handlers said since the last turn. */
  readonly #unsettled: Unsettled[] = []
  #claiming: Promise<void> | undefined
  #claim: Promise<void> | undefined
  #again = false
  #background: Promise<void> | undefined

  constructor(options: PostgresBusOptions) {
    this.#db = options.db
    this.#onTrouble = options.onTrouble
    this.#onFailure = options.onFailure ?? (() => undefined)
    this.#wakeups = new Wakeups(options.db, { onWake: () => this.#wokenFromOutside(), onTrouble: options.onTrouble })
  }

  async ensure({ streams, consumers }: Topology): Promise<void> {
    for (const stream of streams) await this.#made(stream, sql`select bus.make_stream(${JSON.stringify(stream)}) as made`)
    for (const consumer of consumers) await this.#made(consumer, sql`select bus.make_consumer(${JSON.stringify(consumer)}) as made`)
  }

  async #made(wanted: object, statement: ReturnType<typeof sql>): Promise<void> {
    const { made } = await one(this.#db, MadeRow, statement)
    for (const [key, value] of Object.entries(wanted)) {
      if (!holds(key, made[key], value))
        throw new Terminal(
          'bus.config_mismatch',
          `The bus holds ${key} = ${JSON.stringify(made[key])} where ${JSON.stringify(value)} was asked. Change the setting back, or remove the old one.`,
        )
    }
  }

  publish(message: Outgoing, { deadlineMs = PUBLISH_MS }: { readonly deadlineMs?: number } = {}): Promise<Receipt> {
    this.#start()
    return this.#publisher.publish(message, deadlineMs)
  }

  async #stored(messages: readonly Outgoing[]): Promise<readonly Receipt[]> {
    const rows = await many(this.#db, Published, prepared('bus_publish', sql`select seq, duplicate from bus.publish(${JSON.stringify(messages)}) order by ord`))
    this.#woken(messages.map(({ subject }) => subject))
    return rows
  }

  consume(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>): Consumption {
    if (this.#consumers.has(spec.durable)) throw new Terminal('bus.durable_taken', `this process reads ${spec.durable} already`)
    const consumer = new Consumer(spec, handler, {
      settle: (words) => this.#settle(words),
      publish: (message, options) => this.publish(message, options),
      wake: () => this.#wake(),
      failed: this.#onFailure,
      trouble: this.#onTrouble,
    })
    this.#consumers.set(spec.durable, consumer)
    this.#start()
    this.#wake()
    return { stop: (deadlineMs) => this.#stopped(consumer, deadlineMs) }
  }

  async #stopped(consumer: Consumer, deadlineMs: number): Promise<void> {
    consumer.close()
    // What a claim under way brings for it is given back before it is gone.
    await within(deadlineMs, this.#claim)
    await consumer.stop(deadlineMs)
    if (this.#consumers.get(consumer.spec.durable) === consumer) this.#consumers.delete(consumer.spec.durable)
  }

  /** The words leave with the next turn. */
  #settle(words: readonly Word[]): Promise<void> {
    return new Promise((done, failed) => {
      this.#unsettled.push({ words, done, failed })
      this.#wake()
    })
  }

  #woken(subjects: readonly string[]): void {
    for (const consumer of this.#consumers.values()) if (subjects.some((subject) => consumer.hears(subject))) consumer.hungry = true
    this.#wake()
    for (const { pattern, wake } of this.#tails) if (subjects.some((subject) => pattern.test(subject))) wake()
    this.#wakeups.tell()
  }

  /** One turn at a time: it settles what was said and claims for all consumers that may have something; whoever asks meanwhile gets
   *  another one. */
  #wake(): void {
    this.#again = true
    this.#claiming ??= this.#claimAll()
  }

  async #claimAll(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      // What handlers that end at this moment have to say goes along.
      await setImmediate()
      this.#again = false
      const settling = this.#unsettled.splice(0)
      const wants = [...this.#consumers.values()].filter((consumer) => consumer.hungry && consumer.room > 0)
      if (settling.length === 0 && wants.length === 0) continue
      for (const consumer of wants) consumer.hungry = false
      this.#claim = this.#turn(settling, wants)
      await this.#claim
    }
    this.#claiming = undefined
  }

  async #turn(settling: readonly Unsettled[], wants: readonly Consumer[]): Promise<void> {
    try {
      await this.#settledAndClaimed(
        settling.flatMap(({ words }) => words),
        wants,
      )
      for (const { done } of settling) done()
    } catch (error) {
      this.#onTrouble(error)
      for (const { failed } of settling) failed(error)
    }
  }

  async #settledAndClaimed(words: readonly Word[], wants: readonly Consumer[]): Promise<void> {
    const asked = wants.map((consumer) => ({ durable: consumer.spec.durable, limit: consumer.room }))
    const rows = await many(
      this.#db,
      ClaimedRow,
      prepared(
        'bus_turn',
        sql`select durable, seq, deliveries, unanswered, subject, id, headers, data, published_at
              from ${LAZILY}, bus.turn(${JSON.stringify(words)}, ${JSON.stringify(asked)})`,
      ),
    )
    for (const { durable, limit } of asked) this.#consumers.get(durable)?.claimed(rows.filter((row) => row.durable === durable).length >= limit)
    const back: Word[] = []
    for (const { durable, published_at: publishedAt, ...row } of rows) {
      const consumer = this.#consumers.get(durable)
      if (consumer === undefined || consumer.stopped) back.push({ durable, seq: String(row.seq), deliveries: row.deliveries, delayMs: 0, answered: true })
      else consumer.take({ ...row, publishedAt })
    }
    // A turn cannot wait for the next one.
    if (back.length > 0) void this.#settle(back).catch(this.#onTrouble)
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
        await this.#expire().catch((error: unknown) => this.#onTrouble(error))
      }
      await delay(POLL_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined)
    }
  }

  async #expire(): Promise<void> {
    for (let round = 0; round < EXPIRE_ROUNDS && !this.#stop.signal.aborted; round++) {
      const { worked } = await one(this.#db, WorkedRow, sql`select bus.expire() as worked`)
      if (worked < EXPIRE_BATCH) return
    }
  }

  async #poll(): Promise<void> {
    for (const { wake } of this.#tails) wake()
    await this.#wakeups.beat()
    if (this.#consumers.size === 0) return
    const due = await many(this.#db, DurableRow, prepared('bus_due', sql`select durable from bus.due(${[...this.#consumers.keys()]})`))
    for (const { durable } of due) this.#markHungry(durable)
    if (due.length > 0) this.#wake()
  }

  /** Another process published something. */
  #wokenFromOutside(): void {
    for (const consumer of this.#consumers.values()) consumer.hungry = true
    this.#wake()
    for (const { wake } of this.#tails) wake()
  }

  #markHungry(durable: string): void {
    const consumer = this.#consumers.get(durable)
    if (consumer !== undefined) consumer.hungry = true
  }

  async *tail(stream: StreamName, filter: string, { signal, onListening }: TailOptions): AsyncIterable<Stored> {
    const ending = AbortSignal.any([signal, this.#stop.signal])
    this.#start()
    const pattern = patternOf(filter)
    let after: bigint | undefined
    while (!ending.aborted) {
      const woken = this.#nextWake(pattern, ending)
      try {
        if (after === undefined) {
          after = await this.#head()
          onListening?.()
        }
        for await (const message of this.browse(stream, filter, after)) {
          after = message.seq
          yield message
        }
      } catch (error) {
        if (!(error instanceof Transient)) throw error
        this.#onTrouble(error)
      }
      await woken
    }
  }

  async #head(): Promise<bigint> {
    return (await one(this.#db, HeadRow, sql`select bus.head() as head`)).head
  }

  /** Resolves at the next wake-up or poll, or when the signal aborts. */
  #nextWake(pattern: RegExp, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#tails.delete(waiting)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const waiting = { pattern, wake }
      this.#tails.add(waiting)
      signal.addEventListener('abort', wake)
    })
  }

  async *browse(stream: StreamName, filter: string, from = 0n): AsyncIterable<Stored> {
    for (let after = from; ; ) {
      const rows = await many(
        this.#db,
        MessageRow,
        sql`select seq, subject, id, headers, data, published_at from bus.browse(${stream}, (select bus.pattern_of(${filter})), ${after}, ${BROWSE_PAGE})`,
      )
      for (const row of rows) yield storedOf(row)
      if (rows.length < BROWSE_PAGE) return
      after = rows.at(-1)?.seq ?? after
    }
  }

  async depth(consumers: readonly Pick<ConsumerSpec, 'durable'>[]): Promise<readonly Depth[]> {
    const rows = await many(this.#db, DepthRow, sql`select durable, waiting, pending from bus.depth()`)
    const found = new Map(rows.map((row) => [row.durable, row]))
    return consumers.map(({ durable }) => found.get(durable) ?? { durable, waiting: 0, pending: 0 })
  }

  async health(): Promise<{ ok: boolean; detail?: string }> {
    return exec(this.#db, sql`select 1`).then(
      () => ({ ok: true }),
      (error: Error) => ({ ok: false, detail: error.message }),
    )
  }

  async drain(deadlineMs: number): Promise<void> {
    const end = Date.now() + deadlineMs
    await Promise.all([...this.#consumers.values()].map((consumer) => this.#stopped(consumer, deadlineMs)))
    await within(end - Date.now(), this.#publisher.settled())
    this.#stop.abort()
    await within(end - Date.now(), Promise.all([this.#background, this.#claiming]))
    await within(end - Date.now(), this.#wakeups.close())
  }
}

/** A consumer may hear more than was asked, since its filters only widen; everything else must be the same. */
function holds(key: string, made: unknown, wanted: unknown): boolean {
  if (key === 'filters' && Array.isArray(made) && Array.isArray(wanted)) return wanted.every((filter) => made.includes(filter))
  return JSON.stringify(made) === JSON.stringify(wanted)
}

/** Waits for work no longer than this: a frozen server must not keep a process from ending. */
async function within(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  const over = new AbortController()
  await Promise.race([work, delay(Math.max(0, ms), undefined, { signal: over.signal }).catch(() => undefined)])
  over.abort()
}

function storedOf({ published_at: publishedAt, ...rest }: z.output<typeof MessageRow>): Stored {
  return { ...rest, publishedAt }
}
