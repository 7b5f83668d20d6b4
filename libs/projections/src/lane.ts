// One projection at work: while a batch commits the next one gathers, without a timer. An instance that was overtaken by another
// finds the checkpoint moved and goes on from there; an event that cannot be applied stops the projection and is never skipped.
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { comparePositions, type EventStore, type Position, type StoredEvent } from '@loomworks/event-store'
import { Transient } from '@loomworks/kernel'
import type { Database } from '@loomworks/sql'
import { ChainCheck } from './chain-check.ts'
import { checkpointOf, moveCheckpoint } from './checkpoint.ts'
import { type Projection, projectedOf } from './projection.ts'
import type { SharedTransaction } from './shared-transaction.ts'

const MOST_EVENTS = 1000
const MOST_PENDING = 2 * MOST_EVENTS
const IDLE_STEP = 1000n
const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 2000

export interface LaneParts {
  readonly eventStore: EventStore
  readonly db: Database
  readonly schema: string
  readonly instance: string
  /** Of the lanes that are offered the same events. */
  readonly transactions: SharedTransaction
  readonly onTrouble: (error: unknown) => void
  readonly onStopped: (standing: Standing) => void
}

/** How a projection stands, for metrics and health. */
export interface Standing {
  readonly name: string
  readonly position: Position
  /** Events received and not committed yet. */
  readonly behindEvents: number
  /** Age of the oldest of them. */
  readonly behindMs: number
  readonly caughtUp: boolean
  /** Where and why it stopped for good. */
  readonly stopped?: { readonly stream: string; readonly revision: bigint; readonly error: unknown }
}

class Overtaken extends Error {}

export class Lane {
  readonly projection: Projection
  readonly #parts: LaneParts
  readonly #chain: ChainCheck
  #signal: AbortSignal = AbortSignal.abort()
  /** Told when the checkpoint was found behind what this lane has seen. */
  #onRewound: () => void = () => undefined
  #position: Position = '0'
  #pending: StoredEvent[] = []
  #working: Promise<void> | undefined
  #roomy: (() => void)[] = []
  /** How many events at the head of the queue go one by one, because their batch failed. */
  #careful = 0
  #retryMs = FIRST_RETRY_MS
  #caughtUp = false
  #stopped: Standing['stopped']

  constructor(projection: Projection, parts: LaneParts) {
    this.projection = projection
    this.#parts = parts
    this.#chain = new ChainCheck(parts.eventStore)
  }

  get standing(): Standing {
    const [oldest] = this.#pending
    return {
      name: this.projection.name,
      position: this.#position,
      behindEvents: this.#pending.length,
      behindMs: oldest === undefined ? 0 : Math.max(0, Date.now() - Date.parse(oldest.recordedAt)),
      caughtUp: this.#caughtUp,
      ...(this.#stopped && { stopped: this.#stopped }),
    }
  }

  get stopped(): boolean {
    return this.#stopped !== undefined
  }

  /** Reads the checkpoint and begins anew from there. */
  async begin(signal: AbortSignal, onRewound: () => void): Promise<Position> {
    await this.#working
    this.#signal = signal
    this.#onRewound = onRewound
    this.#pending = []
    this.#caughtUp = false
    this.#chain.forget()
    this.#position = await checkpointOf(this.#parts.db, this.#parts.schema, this.projection.name)
    return this.#position
  }

  offer(event: StoredEvent): void {
    if (this.stopped || comparePositions(event.position, this.#position) <= 0) return
    if (!concerned(this.projection, event)) return
    this.#caughtUp = false
    this.#pending.push(event)
    this.#working ??= this.#work()
  }

  /** Everything up to here was offered. A lane with nothing to do moves its checkpoint now and then, so that a restart need not
   *  read again what concerns others. */
  async caughtUp(position: Position): Promise<void> {
    this.#caughtUp = true
    if (this.stopped || this.#pending.length > 0 || BigInt(position) - BigInt(this.#position) < IDLE_STEP) return
    const move = { name: this.projection.name, from: this.#position, to: position, instance: this.#parts.instance }
    if (await moveCheckpoint(this.#parts.db, this.#parts.schema, move)) this.#position = position
  }

  /** Resolves once the lane can take more. */
  async room(): Promise<void> {
    if (this.stopped || this.#signal.aborted || this.#pending.length < MOST_PENDING) return
    await new Promise<void>((resolve) => this.#roomy.push(resolve))
  }

  /** Resolves when what is under way has ended. */
  async idle(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    // What was read together is offered one by one, and goes together.
    await setImmediate()
    while (this.#pending.length > 0 && !this.stopped && !this.#signal.aborted) {
      await this.#step()
      if (this.#pending.length < MOST_EVENTS || this.stopped) this.#tellRoom()
    }
    this.#tellRoom()
    this.#working = undefined
  }

  #tellRoom(): void {
    for (const resolve of this.#roomy.splice(0)) resolve()
  }

  async #step(): Promise<void> {
    const batch = this.#pending.slice(0, this.#careful > 0 ? 1 : MOST_EVENTS)
    try {
      await this.#commit(batch)
      this.#pending.splice(0, batch.length)
      this.#careful = Math.max(0, this.#careful - 1)
      this.#retryMs = FIRST_RETRY_MS
    } catch (error) {
      await this.#recover(batch, error).catch((trouble: unknown) => this.#later(trouble))
    }
  }

  async #commit(batch: readonly StoredEvent[]): Promise<void> {
    const { transactions, schema, instance } = this.#parts
    const { name, verifyChain } = this.projection
    const events = batch.map(projectedOf)
    const heads = verifyChain === true ? await this.#chain.check(events) : undefined
    const to = batch.at(-1)?.position ?? this.#position
    await transactions.run(name, async (tx) => {
      if (!(await moveCheckpoint(tx, schema, { name, from: this.#position, to, instance }))) throw new Overtaken()
      await this.projection.apply(tx, events, schema)
    })
    this.#position = to
    if (heads !== undefined) this.#chain.keep(heads)
  }

  async #recover(batch: readonly StoredEvent[], error: unknown): Promise<void> {
    if (error instanceof Overtaken) return this.#reload()
    if (error instanceof Transient) return this.#later(error)
    if (batch.length > 1) this.#careful = batch.length
    else this.#stop(batch, error)
  }

  async #reload(): Promise<void> {
    const { db, schema } = this.#parts
    const position = await checkpointOf(db, schema, this.projection.name)
    this.#chain.forget()
    if (comparePositions(position, this.#position) < 0) {
      this.#pending = []
      return this.#onRewound()
    }
    this.#position = position
    this.#pending = this.#pending.filter((event) => comparePositions(event.position, position) > 0)
  }

  #stop([poison]: readonly StoredEvent[], error: unknown): void {
    if (poison === undefined) return
    this.#stopped = { stream: poison.stream, revision: poison.revision, error }
    this.#parts.onStopped(this.standing)
  }

  async #later(error: unknown): Promise<void> {
    this.#parts.onTrouble(error)
    await delay(this.#retryMs * (0.5 + Math.random() / 2), undefined, { signal: this.#signal }).catch(() => undefined)
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
  }
}

/** What cannot be read concerns everybody: it is found where it is applied. */
function concerned({ concerns }: Projection, event: StoredEvent): boolean {
  if (concerns === undefined) return true
  try {
    return concerns(projectedOf(event))
  } catch {
    return true
  }
}
