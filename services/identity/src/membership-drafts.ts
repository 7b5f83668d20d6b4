// The two memberships that everybody begins with, as drafts: operator of the personal engagement, contributor to the commons. They are inactive
// until a pivot turns them on, and only a draft may be deleted.
import { type Designation, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { actorFromService, derivedId, type EngagementId, type Id, type PersonId } from '@loomworks/kernel'
import { type Db, exec, prepared, sql } from '@loomworks/sql'

interface Draft {
  readonly id: Id<'membership'>
  readonly engagement: EngagementId
  readonly designation: Designation
}

export function membershipDrafts(personId: PersonId, engagementId: EngagementId): readonly Draft[] {
  return [draftOf(personId, engagementId, 'operator'), draftOf(personId, WELL_KNOWN_ENGAGEMENTS.commons.id, 'contributor')]
}

function draftOf(personId: PersonId, engagement: EngagementId, designation: Designation): Draft {
  return { id: derivedId(engagement, personId), engagement, designation }
}

interface Drafting {
  readonly drafts: readonly Draft[]
  /** Of somebody who is only coming to be, or of somebody who is there; the other gets nothing. */
  readonly pending: boolean
  readonly at: string
}

/** Rows and their numbers in one statement: the numbers come under the person's row lock, so they have no gap. What is there already stays. */
export function insertDrafts(tx: Db, personId: PersonId, { drafts, pending, at }: Drafting): Promise<number> {
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
             where p.id = ${personId} and (p.state = 'pending') = ${pending}
            returning next_operator_seq - (select count(*) from draft) as first
          ), membership as (
            insert into identity.memberships (id, principal_kind, principal_id, engagement_id, active, operator_sequence_number, granted_by, created_at)
            select draft.id, 'person', ${personId}, draft.engagement, false, person.first + draft.place, ${by}, ${at} from draft, person
          )
          insert into identity.membership_designations (membership_id, designation, active, granted_by, granted_at)
          select draft.id, draft.designation, true, ${by}, ${at} from draft, person`,
    ),
  )
}
