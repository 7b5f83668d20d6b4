// The events of a saga stream. Each append is one decision: its first event is the cause, the rest are what follows from it, so a
// history replays through `decide` exactly. Ids and hashes only: these streams are kept for ever and name nobody.
import { At, Reason, SagaAction, SagaDirection, SagaName, StepId, UndoEffect } from '@loomworks/contracts'
import type { Time } from '@loomworks/kernel'
import { z } from 'zod'

const Data = z.record(z.string(), z.json())
const attempt = z.int().min(1)
const httpStatus = z.int().min(400).max(599)
const durationMs = z.int().min(0)

const DueWhat = z.enum(['step', 'undo', 'saga', 'delay', 'stall'])
export type DueWhat = z.output<typeof DueWhat>
const StallPlace = z.enum(['do', 'undo', 'length'])

const event = <const T extends string, S extends z.ZodObject>(type: T, data: S) => z.object({ type: z.literal(type), data })

const SagaRequested = event(
  'SagaRequested',
  z.strictObject({ definition: SagaName, definitionVersion: z.int().min(1), input: Data, ids: z.record(z.string(), z.string()), deadlineAt: At.optional() }),
)
const StepSucceeded = event('StepSucceeded', z.strictObject({ step: StepId, attempt, data: Data }))
const StepFailed = event('StepFailed', z.strictObject({ step: StepId, attempt, code: z.string(), data: Data.optional() }))
const StepUndone = event('StepUndone', z.strictObject({ step: StepId, attempt, effect: UndoEffect.shape.effect }))
const StepErrored = event('StepErrored', z.strictObject({ step: StepId, dir: SagaDirection, attempt, code: z.string() }))
const DeadlineHit = event('DeadlineHit', z.strictObject({ what: DueWhat, step: StepId.optional(), attempt: attempt.optional() }))
const OperatorActed = event('OperatorActed', z.strictObject({ action: SagaAction, step: StepId.optional(), reason: Reason }))
const StepSent = event('StepSent', z.strictObject({ step: StepId, attempt, messageId: z.string(), data: Data, timeoutAt: At }))
const UndoSent = event('UndoSent', z.strictObject({ step: StepId, attempt, messageId: z.string(), timeoutAt: At }))
const PivotReached = event('PivotReached', z.strictObject({ step: StepId }))
const CompensationStarted = event('CompensationStarted', z.strictObject({ code: z.string(), httpStatus }))
const SagaStalled = event('SagaStalled', z.strictObject({ where: StallPlace, step: StepId.optional(), code: z.string() }))
const SagaCompleted = event('SagaCompleted', z.strictObject({ durationMs }))
const SagaAborted = event('SagaAborted', z.strictObject({ code: z.string(), httpStatus, durationMs }))

export const SagaFact = z.discriminatedUnion('type', [
  SagaRequested,
  StepSucceeded,
  StepFailed,
  StepUndone,
  StepErrored,
  DeadlineHit,
  OperatorActed,
  StepSent,
  UndoSent,
  PivotReached,
  CompensationStarted,
  SagaStalled,
  SagaCompleted,
  SagaAborted,
])
export type SagaFact = Readonly<z.output<typeof SagaFact>>

/** A fact with what its cause gives to all events of one append. */
export type SagaEvent = SagaFact & { readonly at: Time; readonly causationId: string }

/** One example of version 1 of each event, kept for ever. */
export const SAGA_EVENT_SAMPLES: readonly SagaFact[] = [
  {
    type: 'SagaRequested',
    data: { definition: 'signup', definitionVersion: 1, input: { attempt: 1 }, ids: { personId: 'p' }, deadlineAt: '2030-01-02T03:04:35.678Z' },
  },
  { type: 'StepSucceeded', data: { step: 'createPending', attempt: 1, data: { credentialCount: 1 } } },
  { type: 'StepFailed', data: { step: 'createPending', attempt: 1, code: 'signup.email_taken' } },
  { type: 'StepUndone', data: { step: 'createPending', attempt: 1, effect: 'reversed' } },
  { type: 'StepErrored', data: { step: 'createPending', dir: 'undo', attempt: 2, code: 'saga.schema' } },
  { type: 'DeadlineHit', data: { what: 'step', step: 'createPending', attempt: 1 } },
  { type: 'OperatorActed', data: { action: 'retry', step: 'createPending', reason: 'credit is back' } },
  {
    type: 'StepSent',
    data: { step: 'createPending', attempt: 1, messageId: 's/createPending/do/1', data: { personId: 'p' }, timeoutAt: '2030-01-02T03:04:07.878Z' },
  },
  { type: 'UndoSent', data: { step: 'createPending', attempt: 1, messageId: 's/createPending/undo/1', timeoutAt: '2030-01-02T03:04:07.878Z' } },
  { type: 'PivotReached', data: { step: 'activate' } },
  { type: 'CompensationStarted', data: { code: 'signup.timed_out', httpStatus: 503 } },
  { type: 'SagaStalled', data: { where: 'undo', step: 'createPending', code: 'saga.no_answer' } },
  { type: 'SagaCompleted', data: { durationMs: 12 } },
  { type: 'SagaAborted', data: { code: 'signup.timed_out', httpStatus: 503, durationMs: 30_400 } },
]
