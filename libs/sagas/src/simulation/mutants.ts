// Engines with one thing wrong each. They are kept to see that the checks bite.
import type { Cause } from '../cause.ts'
import { decide } from '../decide.ts'
import type { SagaState } from '../state.ts'
import { REAL_RULES, type Rules } from './explorer.ts'

export const MUTANT_RULES = {
  noTombstone: { ...REAL_RULES, tombstones: false },
  undoOnlyFinished: {
    ...REAL_RULES,
    decide: (definition, sagaId, state, cause) => decide(definition, sagaId, state === undefined ? state : forgetting(state, cause), cause),
  },
} satisfies Record<string, Rules>

/** Takes what was sent and not answered for what was never sent, as soon as the saga turns around: its undo is forgotten. */
function forgetting(state: SagaState, cause: Cause): SagaState {
  const turns = cause.kind === 'due' ? cause.what === 'saga' : cause.kind === 'reply' && (cause.outcome === 'failed' || cause.outcome === 'error')
  const except = cause.kind === 'reply' ? cause.step : undefined
  const steps = Object.entries(state.steps).map(([id, progress]) => {
    const forgotten = id !== except && (progress.phase === 'unknown' || (turns && progress.phase === 'sent'))
    return [id, forgotten ? { ...progress, phase: 'idle' as const } : progress] as const
  })
  return { ...state, steps: Object.fromEntries(steps) }
}
