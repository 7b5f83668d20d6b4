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

/** An act of staff on a person: what changes and what is told of it, in one transaction. */
export function act({ db, clock, relay }: IdentityParts, { personId, caller }: Act, work: (acting: Acting) => Promise<readonly PersonFact[]>): Promise<void> {
  const nowMs = clock.now()
  const stating = statingFor(caller, timeOf(nowMs))
  return db.transaction(async (tx) => {
    await statePersonFacts(tx, personId, await work({ tx, nowMs, stating }), stating)
    relay.wakeAfter(tx)
  })
}
