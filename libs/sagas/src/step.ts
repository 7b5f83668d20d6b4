// A saga step as a participant offers it: the message it answers, and what do and undo mean here. Whether it is fenced by a row or
// by the stream it writes is the step's choice; the rest of the engine cannot tell.
import type { StepMessage } from '@loomworks/contracts'
import type { StoredEvent } from '@loomworks/event-store'
import type { Clock, Fact, SagaId, Time } from '@loomworks/kernel'
import type { Tx } from '@loomworks/sql'
import type { z } from 'zod'

/** What surrounds one command. */
export interface StepContext<Parts> {
  readonly sagaId: SagaId
  readonly step: string
  readonly attempt: number
  readonly correlationId: string
  readonly causationId: string
  readonly traceparent: string
  readonly issuedAt: Time
  readonly clock: Clock
  readonly parts: Parts
}

type Undo<M extends StepMessage> = M['undo'] extends z.ZodType ? z.output<M['undo']> : never
type Effect = 'reversed' | 'none'

export interface RowHandlers<M extends StepMessage, Parts, T> {
  /** Runs in the transaction of the fence and gives what is answered. A refusal whose code the message lists among its failures
   *  is the answer `failed`, and nothing of the transaction stays; any other throw is delivered again. */
  do(tx: T, data: z.output<M['do']>, context: StepContext<Parts>): Promise<z.input<M['done']>>
  /** Runs in the transaction that keeps a failure, once, and gives the code that is answered: for what must be counted although
   *  the effect was rolled back. */
  failed?(tx: T, code: string, data: z.output<M['do']>, context: StepContext<Parts>): Promise<string>
  /** Takes back what the do did. Runs at most once, only after a do that was done, and must not fail on foreign data. */
  undo?(tx: T, data: Undo<M>, context: StepContext<Parts>): Promise<Effect | undefined>
}

export interface StreamHandlers<M extends StepMessage, Parts> {
  /** The stream that the do opens: the fence of the step. */
  stream(data: z.output<M['do']> | Undo<M>): string
  /** What the do appends to the new stream, in one append. */
  facts(data: z.output<M['do']>, context: StepContext<Parts>): readonly Fact[]
  /** What is answered, from the events of the do as they are stored. */
  done(data: z.output<M['do']>, events: readonly StoredEvent[]): z.input<M['done']>
  /** What the undo appends: it ends the stream, or stands alone in it as its tombstone. */
  voidFact(data: Undo<M>, context: StepContext<Parts>): Fact
  isVoid(event: StoredEvent): boolean
}

export interface RowStep<Parts, T = Tx> {
  readonly kind: 'row'
  readonly message: StepMessage
  readonly handlers: RowHandlers<StepMessage, Parts, T>
}

export interface StreamStep<Parts> {
  readonly kind: 'stream'
  readonly message: StepMessage
  readonly handlers: StreamHandlers<StepMessage, Parts>
}

export type SagaStep<Parts, T = Tx> = RowStep<Parts, T> | StreamStep<Parts>

/** A step whose effect is rows: fence, effect and reply are one transaction. */
export function sagaStep<M extends StepMessage, Parts, T = Tx>(message: M, handlers: RowHandlers<M, Parts, T>): RowStep<Parts, T> {
  return { kind: 'row', message, handlers: handlers as unknown as RowHandlers<StepMessage, Parts, T> }
}

/** A step whose effect is the opening of a stream: the stream itself decides, since a row and an append share no transaction. */
export function streamStep<M extends StepMessage, Parts>(message: M, handlers: StreamHandlers<M, Parts>): StreamStep<Parts> {
  return { kind: 'stream', message, handlers: handlers as unknown as StreamHandlers<StepMessage, Parts> }
}
