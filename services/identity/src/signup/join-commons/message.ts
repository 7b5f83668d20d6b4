// The person's two memberships, drafted: operator of the personal engagement, contributor to the commons. They are inactive until
// the pivot, and only a draft may be deleted.
import { type Designation, joinCommons, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { actorFromService, derivedId, type EngagementId, type Id, type PersonId, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { type Db, exec, prepared, sql, type Tx } from '@loomworks/sql'
import type { IdentityParts } from '../../parts.ts'

export const joinCommonsStep = sagaStep<typeof joinCommons, IdentityParts, Tx>(joinCommons, {
  async do(tx, { personId, engagementId }, { clock }) {
    const drafts = [draftOf(personId, engagementId, 'operator'), draftOf(personId, WELL_KNOWN_ENGAGEMENTS.commons.id, 'contributor')]
    await insertDrafts(tx, personId, drafts, timeOf(clock.now()))
    return { membershipIds: drafts.map(({ id }) => id) }
  },

  async undo(tx, { personId }) {
    await exec(tx, sql`delete from identity.memberships where principal_id = ${personId} and not active and ended_at is null`)
    await exec(
      tx,
      sql`update identity.persons
             set next_operator_seq = 1 + (select count(*) from identity.memberships where principal_id = ${personId})
           where id = ${personId}`,
    )
    return 'reversed'
  },
})

interface Draft {
  readonly id: Id<'membership'>
  readonly engagement: EngagementId
  readonly designation: Designation
}

function draftOf(personId: PersonId, engagement: EngagementId, designation: Designation): Draft {
  return { id: derivedId(engagement, personId), engagement, designation }
}

/** Rows and their numbers in one statement: the numbers come under the person's row lock, so they have no gap. Who is adopted may be in the
 *  commons already. */
function insertDrafts(tx: Db, personId: PersonId, drafts: readonly Draft[], now: string): Promise<number> {
  const by = JSON.stringify(actorFromService('signup'))
  return exec(
    tx,
    prepared(
      'draft_memberships',
      sql`with draft as (
            select d.id, d.engagement, d.designation, row_number() over (order by ordinality) - 1 as place
              from rows from (jsonb_to_recordset(${JSON.stringify(drafts)}) as (id uuid, engagement uuid, designation text)) with ordinality as d
             where not exists (select from identity.memberships m where m.principal_id = ${personId} and m.engagement_id = d.engagement)
          ), person as (
            update identity.persons p
               set next_operator_seq = next_operator_seq + (select count(*) from draft)
             where p.id = ${personId}
            returning next_operator_seq - (select count(*) from draft) as first
          ), membership as (
            insert into identity.memberships (id, principal_kind, principal_id, engagement_id, active, operator_sequence_number, granted_by, created_at)
            select draft.id, 'person', ${personId}, draft.engagement, false, person.first + draft.place, ${by}, ${now} from draft, person
          )
          insert into identity.membership_designations (membership_id, designation, active, granted_by, granted_at)
          select draft.id, draft.designation, true, ${by}, ${now} from draft`,
    ),
  )
}
