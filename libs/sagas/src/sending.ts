// What goes onto the bus because of events: the messages they name, and what an operator wants sent once more. Pure, so that a dry
// run tells what an action would send.
import type { SagaCommand } from '@loomworks/contracts'
import type { SagaEvent } from './events.ts'
import type { Saga } from './record.ts'
import { workflowOf } from './workflow.ts'

export interface Sending {
  /** Id of the message on the bus. */
  readonly id: string
  readonly command: SagaCommand
}

/** Everything that is waited for, under its own ids: a repeat is one message. */
export function allOutstanding(saga: Saga): readonly Sending[] {
  return workflowOf(saga)
    .outstanding(saga.state)
    .map((command) => ({ id: command.id, command }))
}

/** What events send, once the saga stands as it does after them. The same attempt once more goes under an id of its own, or the
 *  duplicate window of the bus would swallow it. */
export function sendingsOf(saga: Saga, events: readonly SagaEvent[]): readonly Sending[] {
  const named = new Set(events.map(({ data }) => ('messageId' in data ? data.messageId : '')))
  const again = events.find(({ type, data }) => type === 'OperatorActed' && data.action === 'resend')
  const only = again !== undefined && 'step' in again.data ? again.data.step : undefined
  return allOutstanding(saga).flatMap(({ id, command }) => {
    if (again === undefined) return named.has(id) ? [{ id, command }] : []
    return only === undefined || only === command.step ? [{ id: `${id}/o${saga.revision}`, command }] : []
  })
}
