// The fold of a saga stream. Pure: the definition only says which steps there are and which are skipped for this input.
import { type SagaId, unreachable } from '@loomworks/kernel'
import { type AnySaga, isTimer } from './definition.ts'
import type { SagaEvent } from './events.ts'
import { IDLE, progressOf, type SagaState, type Stall, type StepProgress } from './state.ts'

type Requested = Extract<SagaEvent, { type: 'SagaRequested' }>

export function evolve(definition: AnySaga, sagaId: SagaId, state: SagaState | undefined, event: SagaEvent): SagaState {
  if (state === undefined) {
    if (event.type !== 'SagaRequested') throw new Error(`stream is corrupt: a saga begins with ${event.type}`)
    return begun(definition, sagaId, event)
  }
  return { ...changed(definition, state, event), updatedAt: Date.parse(event.at), length: state.length + 1 }
}

function begun(definition: AnySaga, sagaId: SagaId, { data, at }: Requested): SagaState {
  const steps = Object.entries(definition.steps).map(([id, step]) => [id, step.when?.(data.input as never) === false ? SKIPPED : IDLE] as const)
  return {
    sagaId,
    definition: data.definition,
    definitionVersion: data.definitionVersion,
    state: 'requested',
    input: data.input,
    ids: data.ids,
    steps: Object.fromEntries(steps),
    startedAt: Date.parse(at),
    updatedAt: Date.parse(at),
    ...(data.deadlineAt !== undefined && { deadlineAt: Date.parse(data.deadlineAt) }),
    length: 1,
  }
}

const SKIPPED: StepProgress = { ...IDLE, phase: 'skipped' }

function changed(definition: AnySaga, state: SagaState, event: SagaEvent): SagaState {
  switch (event.type) {
    case 'SagaRequested':
      return state
    case 'StepSucceeded':
      return unstalled(withStep(state, event.data.step, { phase: 'done', reply: event.data.data, ...took(state, event) }))
    case 'StepFailed':
      return withStep(
        state,
        event.data.step,
        state.state === 'committed'
          ? { code: event.data.code, failedAttempt: event.data.attempt }
          : { phase: 'failed', code: event.data.code, ...took(state, event) },
      )
    case 'StepUndone':
      return unstalled(withStep(state, event.data.step, { phase: 'undone' }))
    case 'StepErrored':
      return withStep(state, event.data.step, { code: event.data.code, halted: true, erroredAttempt: event.data.attempt })
    case 'DeadlineHit':
      return event.data.what === 'delay' && event.data.step !== undefined ? unstalled(withStep(state, event.data.step, { phase: 'done', reply: {} })) : state
    case 'OperatorActed':
      return operated(definition, state, event)
    case 'StepSent':
      return {
        ...sent(state, event, { data: event.data.data }),
        state: state.state === 'requested' ? 'running' : state.state,
      }
    case 'UndoSent':
      return sent(state, event)
    case 'PivotReached':
      return { ...state, state: 'committed' }
    case 'CompensationStarted':
      return { ...turned(state), state: 'compensating', code: event.data.code, httpStatus: event.data.httpStatus }
    case 'SagaStalled':
      return { ...state, stalled: stallOf(event.data) }
    case 'SagaCompleted':
      return { ...running(unstalled(state)), state: 'completed' }
    case 'SagaAborted':
      return { ...running(unstalled(state)), state: 'aborted', code: event.data.code, httpStatus: event.data.httpStatus }
    default:
      return unreachable(event)
  }
}

type Sent = Extract<SagaEvent, { type: 'StepSent' | 'UndoSent' }>

/** What is sent is waited for, whatever was answered before. */
function sent(state: SagaState, event: Sent, more: Pick<StepProgress, 'data'> = {}): SagaState {
  return withStep(awaitedAgain(state, event.data.step), event.data.step, { ...sending(state, event), ...more })
}

function sending(state: SagaState, { type, data, at, causationId }: Sent): Partial<StepProgress> {
  const before = progressOf(state, data.step)
  const phase = type === 'StepSent' ? 'sent' : 'undoSent'
  const sentAt = Date.parse(at)
  return {
    phase,
    attempt: data.attempt,
    firstSentAt: before.phase === phase ? before.firstSentAt : sentAt,
    sentAt,
    dueAt: Date.parse(data.timeoutAt),
    sentFor: causationId,
  }
}

type Answered = Extract<SagaEvent, { type: 'StepSucceeded' | 'StepFailed' }>

function took(state: SagaState, { data, at }: Answered): Pick<StepProgress, 'tookMs'> {
  return { tookMs: Math.max(0, Date.parse(at) - progressOf(state, data.step).firstSentAt) }
}

type Acted = Extract<SagaEvent, { type: 'OperatorActed' }>

/** What is sent again, or turned around, is told by the events that follow. */
function operated(definition: AnySaga, state: SagaState, { data, at }: Acted): SagaState {
  switch (data.action) {
    case 'pause':
      return { ...state, pausedAt: Date.parse(at) }
    case 'unpause':
      return resumed(definition, state, Date.parse(at))
    case 'resend':
      return data.step === undefined ? Object.keys(state.steps).reduce(awaitedAgain, state) : awaitedAgain(state, data.step)
    case 'retry':
    case 'cancel':
      return state
    default:
      return unreachable(data.action)
  }
}

/** The time of the pause has not passed for the saga: not for its deadline, not for an answer, not for a stall. A timer runs to
 *  the moment that it was given for. */
function resumed(definition: AnySaga, state: SagaState, at: number): SagaState {
  const lost = Math.max(0, at - (state.pausedAt ?? at))
  const steps = Object.entries(state.steps).map(([id, progress]) => [id, isTimer(definition, id) ? progress : later(progress, lost)] as const)
  return { ...running(state), steps: Object.fromEntries(steps), ...(state.deadlineAt !== undefined && { deadlineAt: state.deadlineAt + lost }) }
}

function later(progress: StepProgress, ms: number): StepProgress {
  if (progress.phase !== 'sent' && progress.phase !== 'undoSent') return progress
  return { ...progress, firstSentAt: progress.firstSentAt + ms, dueAt: progress.dueAt + ms }
}

function running({ pausedAt: _pausedAt, ...state }: SagaState): SagaState {
  return state
}

function awaitedAgain(state: SagaState, id: string): SagaState {
  const { halted: _halted, ...progress } = progressOf(state, id)
  return { ...state, steps: { ...state.steps, [id]: progress } }
}

function withStep(state: SagaState, step: string, change: Partial<StepProgress>): SagaState {
  return { ...state, steps: { ...state.steps, [step]: { ...progressOf(state, step), ...change } } }
}

/** Nothing is known any more about what is under way; an `error` to a do says nothing about its undo. */
function turned(state: SagaState): SagaState {
  const steps = Object.entries(state.steps).map(([id, progress]) => {
    const { halted: _halted, erroredAttempt: _attempt, ...rest } = progress
    return [id, rest.phase === 'sent' ? { ...rest, phase: 'unknown' as const } : rest] as const
  })
  return { ...unstalled(state), steps: Object.fromEntries(steps) }
}

/** Any progress clears a stall. */
function unstalled({ stalled: _stalled, ...state }: SagaState): SagaState {
  return state
}

function stallOf({ where, step, code }: Stall | { where: Stall['where']; step?: string | undefined; code: string }): Stall {
  return { where, code, ...(step !== undefined && { step }) }
}
