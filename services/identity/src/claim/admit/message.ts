import { AccountStatus, admitClaim, memberClaim, PersonState } from '@loomworks/contracts'
import { sagaStep } from '@loomworks/sagas'
import { maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'

const Standing = z.object({ state: PersonState, account_status: AccountStatus })

/** Whoever is here may claim, also who has run out; nobody who is locked or on the way out. */
export const admitClaimStep = sagaStep<typeof admitClaim, IdentityParts, Tx>(admitClaim, {
  async do(tx, { personId }) {
    const person = await maybe(tx, Standing, sql`select state, account_status from identity.persons where id = ${personId}`)
    if (person?.state !== 'active' || person.account_status === 'deleted') throw memberClaim.account_not_eligible()
    return {}
  },
})
