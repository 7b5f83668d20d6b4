// The decision of a saga: from how it stands and a cause to the events of one append. Pure: no clock, no dice, no I/O. The cause
// comes first; what follows from it is worked out from the state after it, whatever the cause was.
import { commandMessageId } from '@loomworks/contracts'
import { type SagaId, timeOf } from '@loomworks/kernel'
import { whyNot } from './action.ts'
import type { Cause, DueCause, OperatorCause, ReplyCause, RequestCause } from './cause.ts'
import { type AnySaga, graphOf, isBeforePivot, isTimer, stepOf } from './definition.ts'
import { MOST_UNDO_ATTEMPTS, RESEND_AFTER_MS, STALL_MS, timeoutOf } from './due.ts'
import type { SagaEvent, SagaFact } from './events.ts'
import { evolve } from './evolve.ts'
import { commandData } from './outstanding.ts'
import { isPaused, isTerminal, progressOf, type SagaState, wasSent } from './state.ts'

const MOST_EVENTS = 1000
const NO_ANSWER = 'saga.no_answer'
const CANCELLED = 'saga.cancelled'

/** The events a cause brings; none where it changes nothing: a late reply, a time that has passed by itself. */
export function decide(definition: AnySaga, sagaId: SagaId, state: SagaState | undefined, cause: Cause): readonly SagaEvent[] {
  if (cause.kind === 'request') return state === undefined ? requested(definition, sagaId, cause) : []
  if (state === undefined || isTerminal(state)) return []
  const draft = new Draft(definition, sagaId, state, cause)
  if (cause.kind === 'reply') replied(draft, cause)
  else if (cause.kind === 'due') due(draft, cause)
  else operated(draft, cause)
  return draft.events
}

/** The events so far, and the state after them. */
class Draft {
  readonly definition: AnySaga
  readonly sagaId: SagaId
  readonly cause: Cause
  readonly atMs: number
  readonly events: SagaEvent[] = []
  #state: SagaState | undefined

  constructor(definition: AnySaga, sagaId: SagaId, state: SagaState | undefined, cause: Cause) {
    this.definition = definition
    this.sagaId = sagaId
    this.cause = cause
    this.atMs = Date.parse(cause.at)
    this.#state = state
  }

  get state(): SagaState {
    if (this.#state === undefined) throw new Error('a saga begins with its request')
    return this.#state
  }

  add(fact: SagaFact): void {
    const event = { ...fact, at: this.cause.at, causationId: this.cause.id }
    this.events.push(event)
    this.#state = evolve(this.definition, this.sagaId, this.#state, event)
  }
}

function requested(definition: AnySaga, sagaId: SagaId, cause: RequestCause): readonly SagaEvent[] {
  const draft = new Draft(definition, sagaId, undefined, cause)
  const { name, version, deadlineMs } = definition
  const deadline = deadlineMs === undefined ? {} : { deadlineAt: timeOf(draft.atMs + deadlineMs) }
  const data = { definition: name, definitionVersion: version, input: { ...cause.input }, ids: definition.ids(sagaId), ...deadline }
  draft.add({ type: 'SagaRequested', data: data as Extract<SagaFact, { type: 'SagaRequested' }>['data'] })
  goOn(draft)
  return draft.events
}

function replied(draft: Draft, reply: ReplyCause): void {
  const { phase, attempt } = progressOf(draft.state, reply.step)
  const asked = reply.dir === 'do' ? phase === 'sent' : phase === 'undoSent'
  if (!asked || reply.attempt > attempt || reply.outcome === 'refused') return
  if (reply.outcome === 'error') errored(draft, reply)
  else if (reply.dir === 'do') doAnswered(draft, reply)
  else if (reply.outcome === 'done') undone(draft, reply)
}

function doAnswered(draft: Draft, reply: ReplyCause): void {
  if (reply.outcome === 'done') succeeded(draft, reply)
  else failed(draft, reply)
}

function succeeded(draft: Draft, { step, attempt, data }: ReplyCause): void {
  draft.add({ type: 'StepSucceeded', data: { step, attempt, data: { ...data } as Record<string, never> } })
  goOn(draft)
}

function undone(draft: Draft, { step, attempt, data }: ReplyCause): void {
  draft.add({ type: 'StepUndone', data: { step, attempt, effect: data.effect === 'reversed' ? 'reversed' : 'none' } })
  goOn(draft)
}

/** A business failure turns the saga around before the pivot. From the pivot on nothing may fail: it is stalled, and asked again. */
function failed(draft: Draft, { step, attempt, code }: ReplyCause): void {
  if (attempt <= (progressOf(draft.state, step).failedAttempt ?? 0)) return
  draft.add({ type: 'StepFailed', data: { step, attempt, code } })
  if (draft.state.state === 'committed') stall(draft, 'do', step, code)
  else turn(draft, code, draft.definition.steps[step]?.message?.fails[code] ?? 500)
}

/** An error is a bug, not a business failure: no retry mends it. */
function errored(draft: Draft, { step, dir, attempt, code }: ReplyCause): void {
  const { halted, erroredAttempt = 0 } = progressOf(draft.state, step)
  if (halted || attempt <= erroredAttempt) return
  draft.add({ type: 'StepErrored', data: { step, dir, attempt, code } })
  if (draft.state.state === 'running') turn(draft, 'saga.step_error', 500)
  else stall(draft, dir, step, code)
}

function due(draft: Draft, cause: DueCause): void {
  if (!isDue(draft.state, cause, draft.atMs)) return
  const { what, step, attempt } = cause
  draft.add({ type: 'DeadlineHit', data: { what, ...(step !== undefined && { step }), ...(attempt !== undefined && { attempt }) } })
  if (what === 'saga') turn(draft, `${draft.definition.name}.timed_out`, 503)
  else if (what === 'delay') goOn(draft)
  else if (what === 'stall') stall(draft, draft.state.state === 'compensating' ? 'undo' : 'do', step, NO_ANSWER)
  else sendAgain(draft, what, step ?? '')
}

function sendAgain(draft: Draft, what: 'step' | 'undo', step: string): void {
  if (what === 'step') sendStep(draft, step)
  else sendUndoAgain(draft, step)
}

/** What an operator asks for where it is legal; nothing where it is not. */
function operated(draft: Draft, { action, step, reason }: OperatorCause): void {
  const { definition, state } = draft
  if (whyNot(definition, state, { action, step }) !== undefined) return
  draft.add({ type: 'OperatorActed', data: { action, ...(step !== undefined && { step }), reason } })
  if (action === 'retry') retried(draft, step)
  else if (action === 'cancel') turn(draft, CANCELLED, 409)
  else if (action === 'unpause') goOn(draft)
}

function retried(draft: Draft, only: string | undefined): void {
  for (const id of only === undefined ? Object.keys(draft.state.steps) : [only]) {
    const { phase } = progressOf(draft.state, id)
    if (isTimer(draft.definition, id)) continue
    if (phase === 'sent') sendStep(draft, id)
    else if (phase === 'undoSent') sendUndo(draft, id)
  }
}

/** Does this time still mean something? An answer, or another host, may have been quicker. */
function isDue(state: SagaState, { what, step, attempt }: DueCause, at: number): boolean {
  if (isPaused(state)) return false
  if (what === 'saga') return state.deadlineAt !== undefined && at >= state.deadlineAt && (state.state === 'running' || state.state === 'requested')
  const progress = progressOf(state, step ?? '')
  const phase = what === 'undo' || (what === 'stall' && state.state === 'compensating') ? 'undoSent' : 'sent'
  if (progress.phase !== phase || progress.attempt !== attempt || progress.halted) return false
  if (what === 'stall') return state.stalled === undefined && at >= progress.firstSentAt + STALL_MS
  return at >= Math.min(progress.dueAt, what === 'delay' ? Number.POSITIVE_INFINITY : progress.sentAt + RESEND_AFTER_MS)
}

function sendUndoAgain(draft: Draft, step: string): void {
  const { attempt } = progressOf(draft.state, step)
  if (attempt >= MOST_UNDO_ATTEMPTS && draft.state.stalled === undefined) stall(draft, 'undo', step, NO_ANSWER)
  sendUndo(draft, step)
}

function stall(draft: Draft, where: 'do' | 'undo' | 'length', step: string | undefined, code: string): void {
  if (draft.state.stalled === undefined) draft.add({ type: 'SagaStalled', data: { where, code, ...(step !== undefined && { step }) } })
}

function turn(draft: Draft, code: string, httpStatus: number): void {
  draft.add({ type: 'CompensationStarted', data: { code, httpStatus } })
  goOn(draft)
}

/** What follows from how the saga now stands: the next messages, the pivot, the end. */
function goOn(draft: Draft): void {
  if (draft.state.state === 'compensating') compensate(draft)
  else forward(draft)
  if (draft.state.length >= MOST_EVENTS && !isTerminal(draft.state)) stall(draft, 'length', undefined, 'saga.too_long')
}

/** While the saga is paused nothing is sent; what is done meanwhile is kept, and may have been the last that was missing. */
function forward(draft: Draft): void {
  for (const id of isPaused(draft.state) ? [] : Object.keys(draft.definition.steps)) {
    if (progressOf(draft.state, id).phase !== 'idle' || !stepOf(draft.definition, id).after.every((before) => isSettled(draft.state, before))) continue
    if (stepOf(draft.definition, id).pivot) draft.add({ type: 'PivotReached', data: { step: id } })
    sendStep(draft, id)
  }
  const { state } = draft
  if (Object.keys(state.steps).every((id) => isSettled(state, id))) draft.add({ type: 'SagaCompleted', data: { durationMs: sinceStart(draft) } })
}

function isSettled(state: SagaState, id: string): boolean {
  const { phase } = progressOf(state, id)
  return phase === 'done' || phase === 'skipped'
}

/** Undo in reverse order of dependence, independent ones together. */
function compensate(draft: Draft): void {
  const { definition } = draft
  const owed = Object.keys(definition.steps).filter((id) => owesUndo(definition, draft.state, id))
  for (const id of owed) {
    if (progressOf(draft.state, id).phase === 'undoSent' || isPaused(draft.state)) continue
    if (!owed.some((other) => graphOf(definition).dependents.get(id)?.has(other))) sendUndo(draft, id)
  }
  const { code = 'saga.step_error', httpStatus = 500 } = draft.state
  if (owed.length === 0) draft.add({ type: 'SagaAborted', data: { code, httpStatus, durationMs: sinceStart(draft) } })
}

/** Sent, undoable and not yet undone. */
function owesUndo(definition: AnySaga, state: SagaState, id: string): boolean {
  const progress = progressOf(state, id)
  return wasSent(progress) && progress.phase !== 'undone' && isBeforePivot(definition, id) && definition.steps[id]?.message?.undo !== undefined
}

function sendStep(draft: Draft, id: string): void {
  const { definition, sagaId, state, atMs } = draft
  const step = stepOf(definition, id)
  const { phase, attempt: before, data: known } = progressOf(state, id)
  const attempt = phase === 'sent' ? before + 1 : 1
  const data = known ?? commandData(definition, state, id)
  const timeoutAt =
    step.delayMs === undefined ? timeoutOf(sagaId, id, step, attempt, atMs, state.stalled !== undefined) : atMs + step.delayMs(state.input as never)
  const messageId = commandMessageId(sagaId, id, 'do', attempt)
  draft.add({ type: 'StepSent', data: { step: id, attempt, messageId, data: { ...data } as Record<string, never>, timeoutAt: timeOf(timeoutAt) } })
}

function sendUndo(draft: Draft, id: string): void {
  const { definition, sagaId, state, atMs } = draft
  const { phase, attempt: before } = progressOf(state, id)
  const attempt = phase === 'undoSent' ? before + 1 : 1
  const timeoutAt = timeoutOf(sagaId, id, stepOf(definition, id), attempt, atMs, state.stalled !== undefined)
  draft.add({ type: 'UndoSent', data: { step: id, attempt, messageId: commandMessageId(sagaId, id, 'undo', attempt), timeoutAt: timeOf(timeoutAt) } })
}

function sinceStart(draft: Draft): number {
  return Math.max(0, draft.atMs - draft.state.startedAt)
}
