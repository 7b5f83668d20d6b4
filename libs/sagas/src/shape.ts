// The graph of a saga for who looks at it: which step stands where, what is left to do, where the line of no return runs.
import type { AnySaga } from './definition.ts'
import { isBeforePivot, isTimer } from './definition.ts'
import type { SagaState, StepPhase } from './state.ts'
import { isTerminal, progressOf } from './state.ts'

export interface ShapeStep {
  readonly step: string
  /** The service that executes it; `timer` where it only waits. */
  readonly at: string
  readonly after: readonly string[]
  readonly side: 'before' | 'pivot' | 'after'
  readonly undoable: boolean
  readonly phase: StepPhase
  /** Still to be done for the saga to complete; never once it goes back. */
  readonly remaining: boolean
}

export function shapeOf(definition: AnySaga, state: SagaState): readonly ShapeStep[] {
  return Object.entries(definition.steps).map(([step, { message, after, pivot }]) => {
    const { phase } = progressOf(state, step)
    const goesOn = !isTerminal(state) && state.state !== 'compensating'
    return {
      step,
      at: isTimer(definition, step) ? 'timer' : (message?.service ?? 'timer'),
      after,
      side: pivot ? 'pivot' : isBeforePivot(definition, step) ? 'before' : 'after',
      undoable: message?.undo !== undefined,
      phase,
      remaining: goesOn && phase !== 'done' && phase !== 'skipped',
    }
  })
}
