// An operator decides about a dead letter. The decision and its record are one transaction; a message that goes out again goes before
// they are kept, so that none is called redriven that was not. The original stays where it is.
import { enqueue, type Outgoing, outboxRowOf } from '@loomworks/bus'
import { OperatorActed } from '@loomworks/contracts'
import { type Caller, derivedId, newId, timeOf } from '@loomworks/kernel'
import type { Tx } from '@loomworks/sql'
import { saga as sagaRefusals } from '../../errors.ts'
import { statingFor } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { isReason } from '../reason.ts'
import type { Letter } from './letters.ts'
import { type Decided, keepDecision } from './queries.ts'

export interface Decision {
  readonly decision: 'redriven' | 'discarded'
  readonly reason: string
  /** The message as it goes out again; absent where it does not. */
  readonly data?: string
  readonly caller: Caller
}

export function requireReason(reason: string): void {
  if (!isReason(reason)) throw sagaRefusals.reason_required()
}

export async function decide(
  tx: Tx,
  { clock, relay, publish }: Pick<IdentityParts, 'clock' | 'relay' | 'publish'>,
  letter: Letter,
  { decision, reason, data, caller }: Decision,
): Promise<Decided> {
  const at = timeOf(clock.now())
  const decided: Decided = {
    id: newId(),
    letter: letter.id,
    decision,
    edited: data !== undefined && data !== letter.data,
    reason,
    decided_by: caller.actor,
    decided_at: at,
  }
  const fact = {
    entityId: letter.sagaId ?? derivedId(NAMESPACE, letter.messageId),
    ...(letter.sagaId !== undefined && { sagaId: letter.sagaId }),
    action: decision === 'redriven' ? ('redrive' as const) : ('discard' as const),
    reason,
  }
  await keepDecision(tx, { ...decided, messageId: letter.messageId, sagaId: letter.sagaId })
  await enqueue(tx, 'identity', [outboxRowOf({ type: OperatorActed, data: fact, cause: decided.id }, statingFor(caller, at))])
  if (data !== undefined) await publish(againOf(letter, decided.id, data))
  relay.wakeAfter(tx)
  return decided
}

/** Of letters that belong to no saga. */
const NAMESPACE = '0b1f6a52-5d0c-5f6e-9b1a-64ad5c7d8e01'

/** On its own subject again, under an id of its own: the duplicate window, or a consumer, may still know the old one. A fact stays the
 *  fact it was for who keeps records. */
export function againOf({ origin }: Letter, decisionId: string, data: string): Outgoing {
  const { subject, id, headers } = origin
  return { subject, id: `${id}/d${decisionId}`, headers: { ...headers, 'message-id': headers['message-id'] ?? id }, data }
}
