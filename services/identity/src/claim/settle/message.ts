import { settleClaim } from '@loomworks/contracts'
import { derivedId, type PersonId, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { exec, sql, type Tx } from '@loomworks/sql'
import { obeyDecision } from '../../account-status.ts'
import { statingForSignup } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'

/** What a claimed grant means for its person, behind the pivot: it refuses nothing. Who had run out has credit again; credit has decided so
 *  when it confirmed, and tells the same decision itself. */
export const settleClaimStep = sagaStep<typeof settleClaim, IdentityParts, Tx>(settleClaim, {
  async do(tx, { personId, referredBy }, { sagaId, clock, parts, ...command }) {
    if (referredBy !== undefined) await keepReferrer(tx, personId, referredBy)
    const decision = { id: derivedId<'decision'>(sagaId, 'status'), personId, to: 'active', reason: 'grant_claimed' } as const
    const { outcome } = await obeyDecision(tx, decision, statingForSignup(command, timeOf(clock.now())))
    if (outcome === 'changed') parts.relay.wakeAfter(tx)
    return {}
  },
})

function keepReferrer(tx: Tx, personId: PersonId, referredBy: PersonId): Promise<number> {
  return exec(
    tx,
    sql`update identity.persons
           set referred_by = ${referredBy}
         where id = ${personId} and referred_by is null and id <> ${referredBy}
           and exists (select from identity.persons r where r.id = ${referredBy} and r.state not in ('pending', 'erased'))`,
  )
}
