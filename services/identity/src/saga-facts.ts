// What becomes of sagas, told to everybody who keeps records: ends, stalls, and what operators did. Of who signed up it says nothing.
import { enqueue, type Fact, outboxRowOf, type Stating } from '@loomworks/bus'
import { OperatorActed, SagaAborted, SagaCompleted, SagaStalled } from '@loomworks/contracts'
import { actorFromService } from '@loomworks/kernel'
import type { Notable, SagaEnd } from '@loomworks/sagas'
import type { Db } from '@loomworks/sql'
import type { z } from 'zod'
import { saga as refusals } from './errors.ts'

/** States the end of a saga in the transaction that lists it. */
export function stateEnd(tx: Db, saga: SagaEnd): Promise<void> {
  return enqueue(tx, 'identity', [outboxRowOf(endOf(saga), statingOf(saga, saga.updatedAt))])
}

function endOf(saga: SagaEnd): Fact<z.ZodType> {
  const durationMs = Math.max(0, Date.parse(saga.updatedAt) - Date.parse(saga.startedAt))
  const data = { ...headOf(saga), durationMs }
  if (saga.state === 'completed') return { type: SagaCompleted, data, cause: saga.id }
  return { type: SagaAborted, data: { ...data, code: saga.code ?? refusals.step_error.code }, cause: saga.id }
}

/** States what was found in the stream of a saga; a repeat states nothing new, because its id is that of the event. */
export function stateNotable(db: Db, { saga, event, id, actor }: Notable): Promise<void> {
  const stating = { ...statingOf(saga, event.at), actor, causationId: event.causationId }
  if (event.type === 'SagaStalled') {
    const { where, code } = event.data
    return enqueue(db, 'identity', [outboxRowOf({ type: SagaStalled, data: { ...headOf(saga), where, code }, cause: id }, stating)])
  }
  if (event.type !== 'OperatorActed') return Promise.resolve()
  const { action, reason } = event.data
  return enqueue(db, 'identity', [outboxRowOf({ type: OperatorActed, data: { entityId: saga.id, sagaId: saga.id, action, reason }, cause: id }, stating)])
}

function headOf({ id, definition, version }: SagaEnd) {
  return { sagaId: id, definition, definitionVersion: version }
}

function statingOf({ id, correlationId, traceparent }: SagaEnd, at: string): Stating {
  return { at, actor: actorFromService('identity'), correlationId, causationId: id, traceparent }
}
