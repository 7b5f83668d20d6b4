// How a saga stands: the fold of its stream.
import type { SagaName, SagaOverlay, SagaState as StateWord } from '@loomworks/contracts'
import type { JsonObject, SagaId } from '@loomworks/kernel'
import type { Ids } from './definition.ts'

/** `idle → sent → done | failed`; `sent → unknown` when compensation starts; `done | unknown | failed → undoSent → undone`. */
export type StepPhase = 'idle' | 'skipped' | 'sent' | 'done' | 'failed' | 'unknown' | 'undoSent' | 'undone'

export interface StepProgress {
  readonly phase: StepPhase
  /** Attempts of the direction that is under way; 0 where nothing was sent. */
  readonly attempt: number
  /** First and latest sending in this direction, and when the next one is due: ms. */
  readonly firstSentAt: number
  readonly sentAt: number
  readonly dueAt: number
  /** What caused the latest sending. */
  readonly sentFor: string
  /** What the do was sent with. */
  readonly data?: JsonObject
  readonly reply?: JsonObject
  /** The code of a failure or error. */
  readonly code?: string
  /** The last attempt that is known to have failed, from the pivot on. */
  readonly failedAttempt?: number
  /** An answer `error` came: sending again cannot mend it. */
  readonly halted?: true
  /** The last attempt that is known to have been answered `error`. */
  readonly erroredAttempt?: number
  /** How long its do took, from the first sending to the answer, ms. */
  readonly tookMs?: number
}

export interface Stall {
  readonly where: 'do' | 'undo' | 'length'
  readonly step?: string
  readonly code: string
}

export interface SagaState {
  readonly sagaId: SagaId
  readonly definition: SagaName
  readonly definitionVersion: number
  readonly state: StateWord
  readonly stalled?: Stall
  /** Since when nothing is sent and no time passes, ms. */
  readonly pausedAt?: number
  readonly input: JsonObject
  readonly ids: Ids
  readonly steps: Readonly<Record<string, StepProgress>>
  readonly startedAt: number
  readonly updatedAt: number
  readonly deadlineAt?: number
  /** Why it turned around. */
  readonly code?: string
  readonly httpStatus?: number
  /** Events so far. */
  readonly length: number
}

export const IDLE: StepProgress = { phase: 'idle', attempt: 0, firstSentAt: 0, sentAt: 0, dueAt: 0, sentFor: '' }

export function isTerminal({ state }: Pick<SagaState, 'state'>): boolean {
  return state === 'completed' || state === 'aborted'
}

export function isPaused({ pausedAt }: Pick<SagaState, 'pausedAt'>): boolean {
  return pausedAt !== undefined
}

export function overlaysOf({ pausedAt, stalled }: Pick<SagaState, 'pausedAt' | 'stalled'>): readonly SagaOverlay[] {
  return [...(pausedAt === undefined ? [] : (['paused'] as const)), ...(stalled === undefined ? [] : (['stalled'] as const))]
}

export function progressOf(state: SagaState, step: string): StepProgress {
  return state.steps[step] ?? IDLE
}

/** Was a message of this step ever sent? What was sent must be undone, whatever is known about it. */
export function wasSent({ phase }: StepProgress): boolean {
  return phase !== 'idle' && phase !== 'skipped'
}
