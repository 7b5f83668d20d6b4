// One moment of a saga: an event, and how the saga stood after it.
import type { HistoryEvent, SagaHistory } from '@loomworks/sagas'
import { shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { Sight } from './sight.ts'
import { EventTold, eventAt, StateTold, toldEvent, toldState } from './told.ts'

export const SagaMoment = z.object({ id: z.string(), revision: z.int(), event: EventTold, state: StateTold })
export type SagaMoment = z.output<typeof SagaMoment>

export interface Moment {
  /** What the caller calls it, for the answer to one that there is not. */
  readonly name: string
  /** The end where absent. */
  readonly revision: number | undefined
}

export function momentIn({ mask }: Pick<Sight, 'mask'>, history: SagaHistory, moment: Moment): SagaMoment {
  const at = requireEvent(history, moment)
  return { id: history.sagaId, revision: at.revision, event: toldEvent(mask, history.definition, at), state: toldState(mask, history, at) }
}

function requireEvent(history: SagaHistory, { name, revision }: Moment): HistoryEvent {
  const found = eventAt(history, revision)
  if (found !== undefined) return found
  const message = `the last event is ${history.events.length - 1}`
  throw shared.invalid_body({ errors: [{ pointer: `/query/${name}`, code: 'too_big', message }] })
}
