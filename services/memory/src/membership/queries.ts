import { Designation, PrincipalKind } from '@loomworks/contracts'
import { type EngagementId, idOf } from '@loomworks/kernel'
import { type Db, exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'

export const Standing = z.object({
  membership: idOf<'membership'>(),
  engagement: idOf<'engagement'>(),
  principal_kind: PrincipalKind,
  principal_id: idOf(),
  designations: z.array(Designation),
  commit_authority: z.boolean(),
  active: z.boolean(),
  revision: z.coerce.bigint(),
})
/** A membership as it stands. */
export type Standing = z.output<typeof Standing>

/** The live membership of a principal, as far as memory knows. */
export function standingOf(db: Db, principalId: string, engagement: EngagementId): Promise<Standing | undefined> {
  return maybe(
    db,
    Standing,
    sql`select membership, engagement, principal_kind, principal_id, designations, commit_authority, active, revision
          from memory.membership
         where principal_id = ${principalId} and engagement = ${engagement} and active
         order by revision desc
         limit 1`,
  )
}

/** Keeps what identity says; an older revision changes nothing. */
export async function keepStanding(db: Db, { designations, revision, ...each }: Standing): Promise<void> {
  await exec(
    db,
    sql`insert into memory.membership_v1 as m (membership, engagement, principal_kind, principal_id, designations, commit_authority, active, revision)
        values (${each.membership}, ${each.engagement}, ${each.principal_kind}, ${each.principal_id}, ${JSON.stringify(designations)}, ${each.commit_authority},
                ${each.active}, ${revision})
        on conflict (membership) do update
           set designations = excluded.designations, commit_authority = excluded.commit_authority, active = excluded.active, revision = excluded.revision
         where m.revision < excluded.revision`,
  )
}
