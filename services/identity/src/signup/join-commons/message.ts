// The person's two memberships, drafted: operator of the personal engagement, contributor to the commons. They are inactive until
// the pivot, and only a draft may be deleted.
import { type Designation, joinCommons, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { actorFromService, derivedId, type EngagementId, type Id, type PersonId, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { type Db, exec, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'

export const joinCommonsStep = sagaStep<typeof joinCommons, IdentityParts, Tx>(joinCommons, {
  async do(tx, { personId, engagementId }, { clock }) {
    const drafts: readonly Draft[] = [
      { engagementId, designation: 'operator' },
      { engagementId: WELL_KNOWN_ENGAGEMENTS.commons.id, designation: 'contributor' },
    ]
    const first = await takeNumbers(tx, personId, drafts.length)
    const membershipIds: Id<'membership'>[] = []
    for (const [index, draft] of drafts.entries()) membershipIds.push(await insertDraft(tx, personId, { ...draft, number: first + index }, clock.now()))
    return { membershipIds }
  },

  async undo(tx, { personId }) {
    await exec(tx, sql`delete from identity.memberships where principal_id = ${personId} and not active and ended_at is null`)
    await exec(tx, sql`update identity.persons set next_operator_seq = 1 where id = ${personId} and state = 'pending'`)
    return 'reversed'
  },
})

interface Draft {
  readonly engagementId: EngagementId
  readonly designation: Designation
}

/** The first of so many numbers. Under the person's row lock, so they come without gap. */
async function takeNumbers(tx: Db, personId: PersonId, count: number): Promise<number> {
  const { first } = await one(
    tx,
    z.object({ first: z.int() }),
    sql`update identity.persons
           set next_operator_seq = next_operator_seq + ${count}
         where id = ${personId}
        returning next_operator_seq - ${count} as first`,
  )
  return first
}

async function insertDraft(
  tx: Db,
  personId: PersonId,
  { engagementId, designation, number }: Draft & { readonly number: number },
  nowMs: number,
): Promise<Id<'membership'>> {
  const id = derivedId<'membership'>(engagementId, personId)
  const by = JSON.stringify(actorFromService('signup'))
  await exec(
    tx,
    sql`insert into identity.memberships (id, principal_kind, principal_id, engagement_id, active, operator_sequence_number, granted_by, created_at)
        values (${id}, 'person', ${personId}, ${engagementId}, false, ${number}, ${by}, ${timeOf(nowMs)})`,
  )
  await exec(
    tx,
    sql`insert into identity.membership_designations (membership_id, designation, active, granted_by, granted_at)
        values (${id}, ${designation}, true, ${by}, ${timeOf(nowMs)})`,
  )
  return id
}
