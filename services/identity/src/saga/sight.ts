// What the saga tool looks through: the stores, the definitions, and what each participant knows. The routes ask the participants
// over HTTP; a command line that reads the stores itself asks their rows.
import type { Bus } from '@loomworks/bus'
import type { EventStore } from '@loomworks/event-store'
import { type Clock, Refusal, type SagaId, type ServiceName, Terminal, Transient } from '@loomworks/kernel'
import { type AnySaga, type ParticipantLog, readHistory, type SagaHistory } from '@loomworks/sagas'
import type { Db } from '@loomworks/sql'
import { saga as refusals } from '../errors.ts'
import type { Mask } from './masking.ts'

export interface Sight {
  readonly db: Db
  readonly store: EventStore
  readonly bus: Pick<Bus, 'browse'>
  readonly sagas: readonly AnySaga[]
  readonly clock: Clock
  readonly mask: Mask
  /** Throws Transient where the participant does not answer. */
  readonly logOf: (service: ServiceName, sagaId: SagaId) => Promise<ParticipantLog>
}

/** The history of a saga; refuses `saga.not_found`, and `saga.version_missing` where its definition was deleted. */
export async function historyIn({ store, sagas }: Pick<Sight, 'store' | 'sagas'>, sagaId: SagaId): Promise<SagaHistory> {
  const history = await defined(readHistory(store, sagas, sagaId))
  if (history === undefined) throw refusals.not_found()
  return history
}

/** What needs the definition of a saga; refuses `saga.version_missing` where that was deleted. */
export function defined<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw error instanceof Terminal && error.code === refusals.version_missing.code ? refusals.version_missing() : error
  })
}

export interface Participation {
  readonly service: ServiceName
  /** Undefined where it does not answer now. */
  readonly log: ParticipantLog | undefined
}

/** What every participant of a saga knows of it. One that is away hides its own part and no other. */
export function participationsIn(sight: Sight, { sagaId, definition }: SagaHistory): Promise<readonly Participation[]> {
  return Promise.all(
    participantsOf([definition]).map(async (service) => {
      const log = await sight.logOf(service, sagaId).catch((error: unknown) => {
        if (error instanceof Transient || error instanceof Refusal) return undefined
        throw error
      })
      return { service, log }
    }),
  )
}

/** The services that execute steps of these sagas. */
export function participantsOf(sagas: readonly AnySaga[]): readonly ServiceName[] {
  const services = sagas.flatMap(({ steps }) => Object.values(steps).flatMap(({ message }) => (message === undefined ? [] : [message.service as ServiceName])))
  return [...new Set(services)]
}
