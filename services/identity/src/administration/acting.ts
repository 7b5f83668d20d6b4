import type { Stating } from '@loomworks/bus'
import { type Caller, idOf, type PersonId, timeOf } from '@loomworks/kernel'
import type { Tx } from '@loomworks/sql'
import { z } from 'zod'
import { type PersonFact, statePersonFacts, statingFor } from '../facts.ts'
import type { IdentityParts } from '../parts.ts'

export const PersonParams = z.strictObject({ id: idOf<'person'>() })

export interface Act {
  readonly personId: PersonId
  readonly caller: Caller
}

export interface Acting {
  readonly tx: Tx
  readonly nowMs: number
  readonly stating: Stating
}

type Work = (acting: Acting) => Promise<readonly PersonFact[]>

/** An act of staff on a person: what changes and what is told of it, in one transaction. */
export function act(parts: IdentityParts, about: Act, work: Work): Promise<void> {
  return parts.db.transaction((tx) => actIn(tx, parts, about, work))
}

/** The same in a transaction that is open. */
export async function actIn(tx: Tx, { clock, relay }: Pick<IdentityParts, 'clock' | 'relay'>, { personId, caller }: Act, work: Work): Promise<void> {
  const nowMs = clock.now()
  const stating = statingFor(caller, timeOf(nowMs))
  await statePersonFacts(tx, personId, await work({ tx, nowMs, stating }), stating)
  relay.wakeAfter(tx)
}
