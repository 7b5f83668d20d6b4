// A saga as it is shown: to those who wait for it, to the list, and to whoever asks for its status.
import type { SagaName, SagaOverlay, SagaState as StateWord } from '@loomworks/contracts'
import { type JsonObject, type SagaId, type Time, timeOf } from '@loomworks/kernel'
import { duesOf } from './due.ts'
import type { Saga } from './record.ts'
import { overlaysOf, type StepPhase } from './state.ts'

export interface StepView {
  readonly step: string
  readonly state: StepPhase
  readonly attempt: number
  readonly code?: string
  /** How long its do took, ms. */
  readonly tookMs?: number
}

export interface SagaView {
  readonly id: SagaId
  readonly definition: SagaName
  readonly version: number
  readonly state: StateWord
  readonly overlays: readonly SagaOverlay[]
  readonly steps: readonly StepView[]
  readonly input: JsonObject
  readonly ids: Readonly<Record<string, string>>
  readonly startedAt: Time
  readonly updatedAt: Time
  readonly nextDueAt?: Time
  /** Why it turned around, and what that means to the client as an HTTP status. */
  readonly code?: string
  readonly httpStatus?: number
  /** What its steps answered, by step. */
  readonly replies: Readonly<Record<string, JsonObject>>
  readonly revision: bigint
}

export function viewOf({ definition, state, revision }: Pick<Saga, 'definition' | 'state' | 'revision'>): SagaView {
  const [due] = duesOf(definition, state)
  const entries = Object.entries(state.steps)
  return {
    id: state.sagaId,
    definition: state.definition,
    version: state.definitionVersion,
    state: state.state,
    overlays: overlaysOf(state),
    steps: entries.map(([step, { phase, attempt, code, tookMs }]) => ({
      step,
      state: phase,
      attempt,
      ...(code !== undefined && { code }),
      ...(tookMs !== undefined && { tookMs }),
    })),
    input: state.input,
    ids: state.ids,
    startedAt: timeOf(state.startedAt),
    updatedAt: timeOf(state.updatedAt),
    ...(due !== undefined && { nextDueAt: timeOf(due.at) }),
    ...(state.code !== undefined && { code: state.code }),
    ...(state.httpStatus !== undefined && { httpStatus: state.httpStatus }),
    replies: Object.fromEntries(entries.flatMap(([step, { reply }]) => (reply === undefined ? [] : [[step, reply]]))),
    revision,
  }
}
