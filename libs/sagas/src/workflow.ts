// One saga definition as the pure workflow that the engine runs, the tools replay and the tests explore.
import type { SagaCommand } from '@loomworks/contracts'
import type { SagaId, Workflow } from '@loomworks/kernel'
import type { Cause } from './cause.ts'
import { decide } from './decide.ts'
import type { AnySaga } from './definition.ts'
import type { SagaEvent } from './events.ts'
import { evolve } from './evolve.ts'
import { outstanding, type Thread } from './outstanding.ts'
import type { SagaState } from './state.ts'

export interface Running extends Thread {
  readonly definition: AnySaga
  readonly sagaId: SagaId
}

export function workflowOf({ definition, sagaId, ...thread }: Running): Workflow<SagaState | undefined, Cause, SagaEvent, SagaCommand> {
  return {
    decide: (state, cause) => decide(definition, sagaId, state, cause),
    evolve: (state, event) => evolve(definition, sagaId, state, event),
    outstanding: (state) => (state === undefined ? [] : outstanding(definition, state, thread)),
  }
}
