// What an operator may do with a saga, and when (saga page §7). Pure: the decision asks it, and so does whoever must say why not.
import type { SagaAction } from '@loomworks/contracts'
import { type AnySaga, isTimer } from './definition.ts'
import { isPaused, isTerminal, progressOf, type SagaState } from './state.ts'

export interface Asked {
  readonly action: SagaAction
  readonly step?: string | undefined
}

/** Why an action is not legal now; undefined where it is. */
export type WhyNot = 'closed' | 'nothing_outstanding' | 'not_pausable' | 'past_pivot'

export function whyNot(definition: AnySaga, state: SagaState, { action, step }: Asked): WhyNot | undefined {
  if (isTerminal(state)) return 'closed'
  switch (action) {
    case 'retry':
    case 'resend':
      return isPaused(state) || !isOutstanding(definition, state, step) ? 'nothing_outstanding' : undefined
    case 'pause':
      return isPaused(state) ? 'not_pausable' : undefined
    case 'unpause':
      return isPaused(state) ? undefined : 'not_pausable'
    case 'cancel':
      return state.state === 'requested' || state.state === 'running' ? undefined : 'past_pivot'
  }
}

/** Is an answer of this step, or of any, waited for? Also one that was answered `error`: who mended the cause may ask again. */
function isOutstanding(definition: AnySaga, state: SagaState, step: string | undefined): boolean {
  return (step === undefined ? Object.keys(state.steps) : [step]).some((id) => {
    const { phase } = progressOf(state, id)
    return !isTimer(definition, id) && (phase === 'sent' || phase === 'undoSent')
  })
}
