// What one process publishes. Messages that wait at the same moment share one statement, in the order in which they were handed
// over; a message that is refused fails alone; while the database is out of reach all wait until their deadlines.
import { setTimeout as delay } from 'node:timers/promises'
import { Terminal, Transient } from '@loomworks/kernel'
import { sqlState } from '@loomworks/sql'
import type { Outgoing } from './port.ts'
import { MAX_MESSAGE_BYTES } from './port.ts'

export type Receipt = { readonly seq: bigint; readonly duplicate: boolean }

/** Stores messages, all or none, and gives their receipts in the same order. */
export type Send = (messages: readonly Outgoing[]) => Promise<readonly Receipt[]>

interface Waiting {
  readonly message: Outgoing
  readonly deadline: number
  readonly done: (receipt: Receipt) => void
  readonly failed: (error: unknown) => void
}

const MAX_BATCH = 256
const MAX_WAITING = 1000
const AGAIN_MS = 100
const LATE_EVERY_MS = 50

export class Publisher {
  readonly #send: Send
  /** At most 1,000; who comes when it is full stands in the queue before it. */
  #waiting: Waiting[] = []
  #outside: Waiting[] = []
  #publishing: Promise<void> | undefined
  #trouble: unknown

  constructor(send: Send) {
    this.#send = send
  }

  publish(message: Outgoing, deadlineMs: number): Promise<Receipt> {
    if (Buffer.byteLength(message.data) > MAX_MESSAGE_BYTES)
      return Promise.reject(new Terminal('bus.message_too_large', `a message holds ${MAX_MESSAGE_BYTES} bytes at most`))
    return new Promise((done, failed) => {
      const queue = this.#waiting.length < MAX_WAITING ? this.#waiting : this.#outside
      queue.push({ message, deadline: Date.now() + deadlineMs, done, failed })
      this.#publishing ??= this.#publishAll()
    })
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    await this.#publishing
  }

  /** While one statement is in flight the next batch gathers: no timer. */
  async #publishAll(): Promise<void> {
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      // What was late before it was sent is not sent: who asked has been told so, and may have sent it again behind another.
      this.#failLate()
      const batch = this.#waiting.splice(0, MAX_BATCH)
      this.#waiting.push(...this.#outside.splice(0, MAX_WAITING - this.#waiting.length))
      if (batch.length > 0) await this.#sent(batch)
    }
    // In the same turn in which nothing was found to wait: who comes a turn later must start anew, or would wait for ever.
    this.#publishing = undefined
  }

  /** A server that is frozen answers nothing at all, so deadlines are watched here. */
  async #sent(batch: readonly Waiting[]): Promise<void> {
    const watch = setInterval(() => this.#failLate(batch), LATE_EVERY_MS)
    try {
      const error = await this.#tried(batch)
      if (error !== undefined) await this.#recover(batch, error)
    } finally {
      clearInterval(watch)
    }
  }

  async #tried(batch: readonly Waiting[]): Promise<unknown> {
    try {
      const receipts = await this.#send(batch.map(({ message }) => message))
      receipts.forEach((receipt, index) => void batch[index]?.done(receipt))
      return undefined
    } catch (error) {
      return error
    }
  }

  /** One by one, so that a refused message fails alone. The first that cannot be sent now keeps those behind it waiting. */
  async #recover(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (error instanceof Transient) return this.#later(batch, error)
    const [only] = batch
    if (batch.length === 1) return only?.failed(refusedPublish(error))
    for (const [index, each] of batch.entries()) {
      const failure = await this.#tried([each])
      if (failure instanceof Transient) return this.#later(batch.slice(index), failure)
      if (failure !== undefined) each.failed(refusedPublish(failure))
    }
  }

  async #later(batch: readonly Waiting[], error: Transient): Promise<void> {
    this.#trouble = error
    this.#waiting.unshift(...batch)
    await delay(AGAIN_MS)
  }

  #failLate(inFlight: readonly Waiting[] = []): void {
    const now = Date.now()
    const isLate = ({ deadline }: Waiting) => deadline <= now
    const late = [...inFlight, ...this.#waiting, ...this.#outside].filter(isLate)
    if (late.length === 0) return
    this.#waiting = this.#waiting.filter((each) => !isLate(each))
    this.#outside = this.#outside.filter((each) => !isLate(each))
    for (const each of late) each.failed(new Transient('the bus did not acknowledge the message in time', { cause: this.#trouble }))
  }
}

/** The functions of the schema speak by SQLSTATE: LB001 no stream, LB002 not allowed, LB003 too large. */
function refusedPublish(error: unknown): unknown {
  const state = sqlState(error)
  if (state === 'LB001') return new Terminal('unroutable', 'no stream takes this subject', { cause: error })
  if (state === 'LB002') return new Terminal('bus.subject_refused', 'this service may not publish on that subject', { cause: error })
  if (state === 'LB003') return new Terminal('bus.message_too_large', 'message too large', { cause: error })
  return error
}
