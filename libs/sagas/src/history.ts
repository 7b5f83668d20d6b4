// The stream of a saga as it is looked at afterwards: event by event, with how the saga stood after each.
import { type EventStore, readEnvelope } from '@loomworks/event-store'
import type { Envelope, SagaId, Time } from '@loomworks/kernel'
import type { AnySaga } from './definition.ts'
import type { SagaEvent } from './events.ts'
import { evolve } from './evolve.ts'
import type { OpenRow } from './open-sagas.ts'
import { definitionOf, sagaEventOf, streamOf } from './record.ts'
import { rowOf } from './row.ts'
import type { SagaState } from './state.ts'
import { type SagaView, viewOf } from './view.ts'

export interface HistoryEvent {
  readonly revision: number
  readonly event: SagaEvent
  readonly envelope: Envelope
  /** When the store took it: one clock for all events. */
  readonly recordedAt: Time
  /** How the saga stands after it. */
  readonly after: SagaState
}

export interface SagaHistory {
  readonly sagaId: SagaId
  readonly stream: string
  readonly definition: AnySaga
  readonly events: readonly HistoryEvent[]
}

/** Undefined where no stream of these sagas has the id; Terminal `saga.version_missing` where its definition is gone. */
export async function readHistory(store: EventStore, sagas: readonly AnySaga[], sagaId: SagaId): Promise<SagaHistory | undefined> {
  const streams = new Set(sagas.map((definition) => streamOf(definition, sagaId)))
  for (const stream of streams) {
    const history = await historyOf(store, sagas, { sagaId, stream })
    if (history !== undefined) return history
  }
  return undefined
}

async function historyOf(
  store: EventStore,
  sagas: readonly AnySaga[],
  { sagaId, stream }: Pick<SagaHistory, 'sagaId' | 'stream'>,
): Promise<SagaHistory | undefined> {
  const events: HistoryEvent[] = []
  let definition: AnySaga | undefined
  for await (const stored of store.readStream(stream)) {
    const envelope = readEnvelope(stored)
    const event = sagaEventOf(envelope)
    definition ??= definitionOf(sagas, event)
    events.push({
      revision: Number(stored.revision),
      event,
      envelope,
      recordedAt: stored.recordedAt,
      after: evolve(definition, sagaId, events.at(-1)?.after, event),
    })
  }
  return definition === undefined ? undefined : { sagaId, stream, definition, events }
}

/** The saga as it stands, as it is shown elsewhere. */
export function viewOfHistory(history: SagaHistory): SagaView {
  const { revision, after } = endOf(history)
  return viewOf({ definition: history.definition, state: after, revision: BigInt(revision) })
}

/** The saga as its row in the list of sagas says that it stands. */
export function listedAs(history: SagaHistory): OpenRow {
  const { revision, after, envelope } = endOf(history)
  const { correlationId, traceparent } = history.events[0]?.envelope ?? envelope
  return rowOf({ definition: history.definition, state: after, revision: BigInt(revision), correlationId, traceparent })
}

/** How the saga stands at the end of its history. */
export function endOf({ stream, events }: SagaHistory): HistoryEvent {
  const last = events.at(-1)
  if (last === undefined) throw new Error(`${stream} has no events`)
  return last
}
