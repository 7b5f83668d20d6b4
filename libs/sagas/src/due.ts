// When a saga must be looked at although nobody answered: answers that did not come, the deadline until the pivot, and the
// minute after which silence is called a stall. All pure.
import { createHash } from 'node:crypto'
import type { Due } from './cause.ts'
import { type AnySaga, isBeforePivot, isTimer, type Step } from './definition.ts'
import { isPaused, isTerminal, type SagaState, type StepProgress } from './state.ts'

export const STALL_MS = 60_000
/** Once stalled, a retry a minute. */
const STALLED_RETRY_MS = 60_000
export const MOST_UNDO_ATTEMPTS = 10
/** What is outstanding this long is sent again when a host starts or its bus comes back. */
export const RESEND_AFTER_MS = 500

/** When attempt n+1 is due: after the time for an answer and a back-off, which a hash of the attempt stretches by up to a
 *  quarter: no clock, no dice, and still not all at once. */
export function timeoutOf(sagaId: string, id: string, step: Step, attempt: number, sentAt: number, stalled: boolean): number {
  if (stalled) return sentAt + STALLED_RETRY_MS
  const { firstMs, factor, maxMs } = step.retry
  const backoff = Math.min(maxMs, firstMs * factor ** Math.min(attempt - 1, 20))
  return sentAt + step.timeoutMs + backoff + Math.floor((backoff * jitterOf(sagaId, id, attempt)) / 4)
}

/** 0 ≤ x < 1, the same for the same attempt everywhere. */
function jitterOf(sagaId: string, id: string, attempt: number): number {
  return createHash('sha1').update(`${sagaId}/${id}/${attempt}`).digest().readUInt32BE(0) / 2 ** 32
}

/** Everything that will be due, earliest first. None for a saga that has ended, or while it is paused. */
export function duesOf(definition: AnySaga, state: SagaState): readonly Due[] {
  if (isTerminal(state) || isPaused(state)) return []
  const dues = Object.entries(state.steps).flatMap(([id, progress]) => stepDues(definition, state, id, progress))
  if (state.deadlineAt !== undefined && (state.state === 'running' || state.state === 'requested')) dues.push({ what: 'saga', at: state.deadlineAt })
  return dues.sort((a, b) => a.at - b.at)
}

function stepDues(definition: AnySaga, state: SagaState, id: string, { phase, attempt, dueAt, firstSentAt, halted }: StepProgress): Due[] {
  if ((phase !== 'sent' && phase !== 'undoSent') || halted) return []
  const waits = isTimer(definition, id)
  const what = phase === 'undoSent' ? 'undo' : waits ? 'delay' : 'step'
  const due: Due = { what, step: id, attempt, at: dueAt }
  const stalls = !waits && state.stalled === undefined && (phase === 'undoSent' || mayStall(definition, state, id))
  return stalls ? [due, { what: 'stall', step: id, attempt, at: firstSentAt + STALL_MS }] : [due]
}

/** A step whose silence no deadline ends. */
function mayStall(definition: AnySaga, state: SagaState, id: string): boolean {
  return state.deadlineAt === undefined || !isBeforePivot(definition, id)
}

/** What to send again without waiting for its time: outstanding for longer than half a second. */
export function overdueOf(definition: AnySaga, state: SagaState, now: number): readonly Due[] {
  if (isPaused(state)) return []
  return Object.entries(state.steps).flatMap(([id, { phase, attempt, sentAt, halted }]) => {
    if ((phase !== 'sent' && phase !== 'undoSent') || halted || isTimer(definition, id)) return []
    const at = sentAt + RESEND_AFTER_MS
    return at > now ? [] : [{ what: phase === 'sent' ? 'step' : 'undo', step: id, attempt, at } as const]
  })
}
