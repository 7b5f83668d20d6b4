import { Designation, EngagementState, PrincipalKind, Visibility } from '@loomworks/contracts'
import { type EngagementId, idOf, type PersonId } from '@loomworks/kernel'
import type { Before } from '@loomworks/service-kit'
import { type Db, many, maybe, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { MEMBERSHIP_COLUMNS, Membership } from '../memberships.ts'

export const CheckedMembership = z.object({
  personalEngagementId: idOf<'engagement'>().nullable(),
  membershipId: idOf<'membership'>(),
  designations: z.array(Designation),
  commitAuthority: z.boolean(),
  revision: z.int(),
})

/** The live membership of a principal in an engagement, or in their own personal one; undefined for pending persons and
 *  strangers. */
export function checkedMembership(db: Db, principalId: string, engagement: EngagementId | 'own'): Promise<z.output<typeof CheckedMembership> | undefined> {
  const wanted = engagement === 'own' ? sql`p.personal_engagement_id` : sql`${engagement}::uuid`
  return maybe(
    db,
    CheckedMembership,
    sql`select p.personal_engagement_id as "personalEngagementId", m.id as "membershipId",
               array(select d.designation from identity.membership_designations d where d.membership_id = m.id and d.active order by d.designation) as designations,
               m.commit_authority as "commitAuthority", m.revision::integer as revision
          from identity.memberships m
          left join identity.persons p on p.id = m.principal_id and m.principal_kind = 'person'
         where m.principal_id = ${principalId} and m.engagement_id = ${wanted} and m.active
           and (m.principal_kind <> 'person' or p.state in ('active', 'locked', 'erasing'))`,
  )
}

export const SnapshotMembership = z.object({
  membershipId: idOf<'membership'>(),
  principal: z.object({ kind: PrincipalKind, id: idOf() }),
  engagementId: idOf<'engagement'>(),
  designations: z.array(Designation),
  commitAuthority: z.boolean(),
  operatorSequenceNumber: z.int().nullable(),
  active: z.boolean(),
  revision: z.int(),
})

/** Memberships in the order of their ids, drafts of pending persons left out. */
export function membershipsAfter(db: Db, after: string | undefined, limit: number): Promise<readonly z.output<typeof SnapshotMembership>[]> {
  return many(
    db,
    SnapshotMembership,
    sql`select m.id as "membershipId", jsonb_build_object('kind', m.principal_kind, 'id', m.principal_id) as principal, m.engagement_id as "engagementId",
               array(select d.designation from identity.membership_designations d where d.membership_id = m.id and d.active order by d.designation) as designations,
               m.commit_authority as "commitAuthority", m.operator_sequence_number as "operatorSequenceNumber", m.active, m.revision::integer as revision
          from identity.memberships m
         where m.id > ${after ?? '00000000-0000-0000-0000-000000000000'}
           and not exists (select from identity.persons p where p.id = m.principal_id and p.state = 'pending')
         order by m.id
         limit ${limit}`,
  )
}

const Member = Membership.extend({ name: z.string().nullable() })
export type Member = z.output<typeof Member>

const name = sql`case m.principal_kind
                 when 'person' then (select p.display_name from identity.persons p where p.id = m.principal_id and p.state not in ('pending', 'erased'))
                 else (select a.name from identity.agents a where a.id = m.principal_id)
               end as name`

interface Membering {
  /** One principal's own membership alone. */
  readonly only: string | undefined
  readonly after: Before | undefined
  readonly limit: number
}

/** The members of an engagement, the first first. */
export function membersOf(db: Db, engagement: EngagementId, { only, after, limit }: Membering): Promise<readonly Member[]> {
  return many(
    db,
    Member,
    sql`select ${MEMBERSHIP_COLUMNS}, ${name}
          from identity.memberships m
         where m.engagement_id = ${engagement} and m.active
           and (${only ?? null}::uuid is null or m.principal_id = ${only ?? null}::uuid)
           and (${after?.at ?? null}::timestamptz is null or (m.created_at, m.id) > (${after?.at ?? null}::timestamptz, ${after?.id ?? null}::uuid))
         order by m.created_at, m.id
         limit ${limit}`,
  )
}

/** One membership, also one that has ended. */
export function memberOf(db: Db, id: string): Promise<Member> {
  return one(db, Member, sql`select ${MEMBERSHIP_COLUMNS}, ${name} from identity.memberships m where m.id = ${id}`)
}

const Mine = Membership.extend({ display_identifier: z.string(), visibility: Visibility, state: EngagementState })

/** Where somebody belongs, newest first; never their personal engagement, which nothing tells of. */
export function membershipsOf(db: Db, personId: PersonId, before: Before | undefined, limit: number): Promise<readonly z.output<typeof Mine>[]> {
  return many(
    db,
    Mine,
    sql`select ${MEMBERSHIP_COLUMNS}, r.display_identifier, r.visibility, r.state
          from identity.memberships m
          join identity.engagement_ref r on r.engagement_id = m.engagement_id
         where m.principal_id = ${personId} and m.active
           and (${before?.at ?? null}::timestamptz is null or (m.created_at, m.id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid))
         order by m.created_at desc, m.id desc
         limit ${limit}`,
  )
}

const Count = z.object({ count: z.int() })

/** How many activated persons name somebody as who referred them. */
export async function referralsOf(db: Db, personId: PersonId): Promise<number> {
  const { count } = await one(
    db,
    Count,
    sql`select count(*)::integer as count from identity.persons where referred_by = ${personId} and activated_at is not null`,
  )
  return count
}
