// What is done about a finding where somebody wants it done: an undo that is sent again, a row that is written anew, a letter that goes
// out again. Each leaves a record. Everything goes the way it always goes: over the bus, through the fences.
import { enqueue, outboxRowOf } from '@loomworks/bus'
import { commandSubject, OperatorActed, SagaCommand } from '@loomworks/contracts'
import { type Caller, idOf, newId, type SagaId, timeOf } from '@loomworks/kernel'
import { type AnySaga, endOf, readHistory, undoDataOf } from '@loomworks/sagas'
import { statingFor } from '../facts.ts'
import type { IdentityParts } from '../parts.ts'
import { decide } from './dead-letter/deciding.ts'
import { letterWith } from './dead-letter/letters.ts'
import type { Finding } from './findings.ts'

type Mending = Pick<IdentityParts, 'sight' | 'publish' | 'sagas' | 'db' | 'relay' | 'clock'>

export interface Mandate {
  readonly reason: string
  readonly caller: Caller
}

/** Does what a finding proposes; false where nothing could be done by itself. */
export async function mended(parts: Mending, finding: Finding, mandate: Mandate): Promise<boolean> {
  const sagaId = idOf<'saga'>().safeParse(finding.saga_id).data
  switch (finding.proposed) {
    case 'undo':
      return sagaId !== undefined && (await undoSent(parts, finding, { ...mandate, sagaId }))
    case 'relist':
      return sagaId !== undefined && (await relisted(parts, { ...mandate, sagaId }))
    case 'redrive':
      return redriven(parts, finding, mandate)
    case 'inspect':
      return false
  }
}

interface OfSaga extends Mandate {
  readonly sagaId: SagaId
}

/** The undo of a step under a message id of its own. Its fence makes it happen once; its reply finds nobody who waits. */
async function undoSent(parts: Mending, { step = '' }: Finding, mandate: OfSaga): Promise<boolean> {
  const command = await undoCommand(parts, step, mandate)
  if (command === undefined) return false
  const { service, text } = command
  await recorded(parts, mandate)
  await parts.publish({ subject: commandSubject(service, mandate.sagaId, step, 'undo'), id: `${mandate.sagaId}/${step}/undo/r${newId()}`, data: text })
  return true
}

/** With the data of the do as the stream has them; where there is no stream, with the ids that follow from the saga's own. Undefined
 *  where these are not enough. */
async function undoCommand(
  { sight, clock }: Mending,
  step: string,
  { sagaId, caller }: OfSaga,
): Promise<{ readonly service: string; readonly text: string } | undefined> {
  const history = await readHistory(sight.store, sight.sagas, sagaId)
  const definition: AnySaga | undefined = history?.definition ?? sight.sagas.find(({ steps }) => steps[step] !== undefined)
  const message = definition?.steps[step]?.message
  if (definition === undefined || message?.undo === undefined) return undefined
  const sent = history === undefined ? undefined : endOf(history).after.steps[step]?.data
  const data = message.undo.safeParse(undoDataOf(message, sent ?? definition.ids(sagaId)))
  if (!data.success) return undefined
  const { correlationId, causationId, traceparent } = caller
  const command = SagaCommand.parse({
    v: message.v,
    id: `${sagaId}/${step}/undo/1`,
    sagaId,
    definition: definition.name,
    definitionVersion: definition.version,
    step,
    dir: 'undo',
    attempt: 1,
    correlationId,
    causationId,
    traceparent,
    issuedAt: timeOf(clock.now()),
    data: data.data,
  })
  return { service: message.service, text: JSON.stringify(command) }
}

async function relisted(parts: Mending, mandate: OfSaga): Promise<boolean> {
  await recorded(parts, mandate)
  return parts.sagas.relist(mandate.sagaId)
}

async function redriven(parts: Mending, { ref = '' }: Finding, { reason, caller }: Mandate): Promise<boolean> {
  const letter = await letterWith(parts.sight.bus, BigInt(ref))
  if (letter === undefined) return false
  await parts.db.transaction((tx) => decide(tx, parts, letter, { decision: 'redriven', reason, data: letter.data, caller }))
  return true
}

async function recorded({ db, relay, clock }: Mending, { sagaId, reason, caller }: OfSaga): Promise<void> {
  const data = { entityId: sagaId, sagaId, action: 'reconcile' as const, reason }
  await enqueue(db, 'identity', [outboxRowOf({ type: OperatorActed, data, cause: newId() }, statingFor(caller, timeOf(clock.now())))])
  relay.wake()
}
