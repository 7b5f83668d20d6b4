// The pivot of an adoption: what was drafted becomes the person's, and whoever was imported exists from here on. Who was there already gets their
// memberships here. It refuses nothing.
import { attachEngagement, MembershipGranted, PersonActivated } from '@loomworks/contracts'
import { actorFromService, idOf, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { many, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { fact, statePersonFacts, statingForSignup } from '../../facts.ts'
import { insertDrafts, membershipDrafts } from '../../membership-drafts.ts'
import { MEMBERSHIP_COLUMNS, Membership } from '../../memberships.ts'
import type { IdentityParts } from '../../parts.ts'

const Attached = z.object({ referred_by: idOf<'person'>().nullable() })

export const attachStep = sagaStep<typeof attachEngagement, IdentityParts, Tx>(attachEngagement, {
  async do(tx, { personId, engagementId }, { sagaId, clock, parts, ...command }) {
    const attachedAt = timeOf(clock.now())
    const person = await maybe(
      tx,
      Attached,
      sql`update identity.persons
             set personal_engagement_id = ${engagementId}, adopt_due_at = null,
                 state = case when state = 'pending' then 'active' else state end, activated_at = coalesce(activated_at, ${attachedAt})
           where id = ${personId}
          returning referred_by`,
    )
    await insertDrafts(tx, personId, { drafts: membershipDrafts(personId, engagementId), pending: false, at: attachedAt })
    const joined = await many(
      tx,
      Membership,
      sql`with joined as (
            update identity.memberships set active = true where principal_id = ${personId} and not active and ended_at is null returning *
          )
          select ${MEMBERSHIP_COLUMNS} from joined m order by m.operator_sequence_number`,
    )
    const referredBy = person?.referred_by ?? undefined
    const facts = [
      fact(PersonActivated, { personId, personalEngagementId: engagementId, sagaId, claimed: false, ...(referredBy !== undefined && { referredBy }) }),
      ...joined.map((each) => fact(MembershipGranted, grantedOf(each))),
    ]
    await statePersonFacts(tx, personId, facts, statingForSignup(command, attachedAt))
    parts.relay.wakeAfter(tx)
    return { attachedAt }
  },
})

function grantedOf({ id, principal_id, engagement_id, designations, commit_authority, operator_sequence_number, revision }: Membership) {
  return {
    membershipId: id,
    principal: { kind: 'person' as const, id: principal_id },
    engagementId: engagement_id,
    designations: [...designations],
    commitAuthority: commit_authority,
    ...(operator_sequence_number !== null && { operatorSequenceNumber: operator_sequence_number }),
    by: actorFromService('signup'),
    revision,
  }
}
