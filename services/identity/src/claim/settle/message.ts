import { AccountStatus, AccountStatusChanged, settleClaim } from '@loomworks/contracts'
import { derivedId, type PersonId, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { exec, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { fact, statePersonFacts, statingForSignup } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'

const Former = z.object({ former: AccountStatus })

/** What a claimed grant means for its person, behind the pivot: it refuses nothing. */
export const settleClaimStep = sagaStep<typeof settleClaim, IdentityParts, Tx>(settleClaim, {
  async do(tx, { personId, referredBy }, { sagaId, clock, parts, ...command }) {
    const now = timeOf(clock.now())
    if (referredBy !== undefined) await keepReferrer(tx, personId, referredBy)
    const resumed = await resume(tx, personId, now)
    if (resumed !== undefined) {
      const decision = { reason: 'grant_claimed', decidedBy: 'credit', decisionId: derivedId(sagaId, 'settle') } as const
      await statePersonFacts(tx, personId, [fact(AccountStatusChanged, { personId, from: resumed, to: 'active', ...decision })], statingForSignup(command, now))
      parts.relay.wakeAfter(tx)
    }
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

/** Who had run out has credit again; gives what they were. */
async function resume(tx: Tx, personId: PersonId, now: string): Promise<AccountStatus | undefined> {
  const row = await maybe(
    tx,
    Former,
    sql`with former as (
          select id, account_status from identity.persons where id = ${personId} and account_status in ('exhausted', 'suspended') for no key update
        )
        update identity.persons p
           set account_status = 'active', previous_status_change_at = ${now}
          from former
         where p.id = former.id
        returning former.account_status as former`,
  )
  return row?.former
}
