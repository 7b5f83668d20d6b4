// The person's two memberships, drafted. Who is there already (an adoption) gets theirs at the pivot: what they are given meanwhile takes the next
// number, and a draft that goes would leave a gap before it.
import { joinCommons } from '@loomworks/contracts'
import { timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { exec, sql, type Tx } from '@loomworks/sql'
import { insertDrafts, membershipDrafts } from '../../membership-drafts.ts'
import type { IdentityParts } from '../../parts.ts'

export const joinCommonsStep = sagaStep<typeof joinCommons, IdentityParts, Tx>(joinCommons, {
  async do(tx, { personId, engagementId }, { clock }) {
    const drafts = membershipDrafts(personId, engagementId)
    await insertDrafts(tx, personId, { drafts, pending: true, at: timeOf(clock.now()) })
    return { membershipIds: drafts.map(({ id }) => id) }
  },

  async undo(tx, { personId }) {
    await exec(tx, sql`delete from identity.memberships where principal_id = ${personId} and not active and ended_at is null`)
    await exec(tx, sql`update identity.persons set next_operator_seq = 1 where id = ${personId} and state = 'pending'`)
    return 'reversed'
  },
})
