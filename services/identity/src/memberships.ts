// Who belongs where, as it is written. A membership is never deleted: it ends, and who comes back gets it again with its number.
// Every change is a fact with the membership's next revision, in the same transaction; who hears them keeps the highest.
import type { Stating } from '@loomworks/bus'
import { Designation, MembershipChanged, type MembershipEnd, MembershipGranted, MembershipRevoked, PrincipalKind } from '@loomworks/contracts'
import { type Actor, derivedId, type EngagementId, type Id, idOf, type PersonId } from '@loomworks/kernel'
import { type Db, exec, maybe, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { revokeSponsored } from './agent-tokens.ts'
import { lockEngagement } from './engagements.ts'
import { membership as refusals } from './errors.ts'
import { fact, type PersonFact, stateFacts, statePersonFacts } from './facts.ts'

export const Membership = z.object({
  id: idOf<'membership'>(),
  principal_kind: PrincipalKind,
  principal_id: idOf(),
  engagement_id: idOf<'engagement'>(),
  active: z.boolean(),
  operator_sequence_number: z.int().nullable(),
  commit_authority: z.boolean(),
  revision: z.coerce.number().int(),
  created_at: z.string(),
  designations: z.array(Designation),
})
export type Membership = Readonly<z.output<typeof Membership>>

/** What a membership is read from, of `identity.memberships m`. */
export const MEMBERSHIP_COLUMNS = sql`m.id, m.principal_kind, m.principal_id, m.engagement_id, m.active, m.operator_sequence_number, m.commit_authority, m.revision,
               m.created_at,
               array(select d.designation from identity.membership_designations d where d.membership_id = m.id and d.active order by d.designation) as designations`

/** By whom, and when. */
interface Giving {
  readonly by: Actor
  readonly at: string
}

interface Granting {
  readonly engagement: EngagementId
  readonly principal: { readonly kind: z.output<typeof PrincipalKind>; readonly id: string }
  readonly designations: readonly Designation[]
  /** Who gives the membership; who states it where nothing is said. */
  readonly by?: Actor
}

/** Makes somebody a member, again or for the first time; undefined where they are one already, or are nobody (any more). */
export async function grantMembership(tx: Db, granting: Granting, stating: Stating): Promise<Membership | undefined> {
  const { engagement, principal, designations, by = stating.actor } = granting
  await lockEngagement(tx, engagement)
  const known = await membershipOf(tx, engagement, principal.id)
  if (known?.active === true) return undefined
  const id = known?.id ?? derivedId<'membership'>(engagement, principal.id)
  const written = known === undefined ? await inserted(tx, id, granting, { by, at: stating.at }) : await reopened(tx, id, by)
  if (!written) return undefined
  await designate(tx, id, designations, { by, at: stating.at })
  return told(tx, id, MembershipGranted, { by, stating })
}

/** The number comes under the lock of the person's row, in the statement that inserts: from 1, without a gap. */
async function inserted(tx: Db, id: Id<'membership'>, { engagement, principal }: Granting, giving: Giving): Promise<boolean> {
  const { at } = giving
  const by = JSON.stringify(giving.by)
  const columns = sql`insert into identity.memberships (id, principal_kind, principal_id, engagement_id, active, operator_sequence_number, granted_by, created_at)`
  if (principal.kind === 'agent')
    return (await exec(tx, sql`${columns} values (${id}, 'agent', ${principal.id}, ${engagement}, true, null, ${by}, ${at})`)) === 1
  return (
    (await exec(
      tx,
      sql`with person as (
            update identity.persons
               set next_operator_seq = next_operator_seq + 1
             where id = ${principal.id} and state not in ('pending', 'erased')
            returning next_operator_seq - 1 as number
          )
          ${columns}
          select ${id}, 'person', ${principal.id}, ${engagement}, true, person.number, ${by}, ${at} from person`,
    )) === 1
  )
}

async function reopened(tx: Db, id: Id<'membership'>, by: Actor): Promise<boolean> {
  return (
    (await exec(
      tx,
      sql`update identity.memberships
             set active = true, ended_at = null, commit_authority = false, granted_by = ${JSON.stringify(by)}, revision = revision + 1
           where id = ${id} and not active`,
    )) === 1
  )
}

async function designate(tx: Db, id: Id<'membership'>, designations: readonly Designation[], { by, at }: Giving): Promise<void> {
  await exec(
    tx,
    sql`insert into identity.membership_designations as d (membership_id, designation, active, granted_by, granted_at)
        select ${id}, designation, true, ${JSON.stringify(by)}, ${at}
          from unnest(${[...designations]}::text[]) as designation
        on conflict (membership_id, designation) do update
           set active = true, granted_by = excluded.granted_by, granted_at = excluded.granted_at, ended_at = null
         where not d.active`,
  )
}

/** A live membership that is about to change, the engagement locked. 404 where it is none of this engagement. */
export async function membershipToChange(tx: Db, engagement: EngagementId, id: string): Promise<Membership | undefined> {
  await lockEngagement(tx, engagement)
  return maybe(
    tx,
    Membership,
    sql`select ${MEMBERSHIP_COLUMNS}
          from identity.memberships m
         where m.id = ${id} and m.engagement_id = ${engagement}
           and not exists (select from identity.persons p where p.id = m.principal_id and p.state = 'pending')
           for update of m`,
  )
}

export function membershipOf(db: Db, engagement: EngagementId, principalId: string): Promise<Membership | undefined> {
  return maybe(
    db,
    Membership,
    sql`select ${MEMBERSHIP_COLUMNS} from identity.memberships m where m.engagement_id = ${engagement} and m.principal_id = ${principalId}`,
  )
}

/** One more designation; the membership as it is. */
export async function addDesignation(tx: Db, member: Membership, designation: Designation, stating: Stating): Promise<Membership> {
  if (member.designations.includes(designation)) return member
  await designate(tx, member.id, [designation], { by: stating.actor, at: stating.at })
  return changed(tx, member, sql`revision = revision + 1`, stating)
}

/** 409 `membership.last_operator`, `membership.last_designation`. Nothing happens where it is not there. */
export async function dropDesignation(tx: Db, member: Membership, designation: Designation, stating: Stating): Promise<void> {
  if (!member.designations.includes(designation)) return
  if (designation === 'operator') await requireAnotherOperator(tx, member)
  if (member.designations.length === 1) throw refusals.last_designation()
  await endDesignations(tx, member.id, [designation], stating)
  if (designation === 'operator') await revokeSponsored(tx, member.engagement_id, member.principal_id, stating)
  await changed(tx, member, sql`revision = revision + 1`, stating)
}

export async function setCommitAuthority(tx: Db, member: Membership, value: boolean, stating: Stating): Promise<Membership> {
  if (member.commit_authority === value) return member
  return changed(tx, member, sql`commit_authority = ${value}, revision = revision + 1`, stating)
}

/** 409 `membership.last_operator`. Ended twice it ended once. */
export async function endMembership(tx: Db, member: Membership, reason: z.output<typeof MembershipEnd>, stating: Stating): Promise<void> {
  if (!member.active) return
  if (member.designations.includes('operator')) await requireAnotherOperator(tx, member)
  await exec(tx, sql`update identity.memberships set active = false, ended_at = ${stating.at}, revision = revision + 1 where id = ${member.id}`)
  await endDesignations(tx, member.id, member.designations, stating)
  await revokeSponsored(tx, member.engagement_id, member.principal_id, stating)
  const data = { ...saidOf({ ...member, revision: member.revision + 1 }, stating.actor), reason }
  await state(tx, member, fact(MembershipRevoked, data), stating)
}

async function endDesignations(tx: Db, id: Id<'membership'>, designations: readonly Designation[], { at }: Stating): Promise<void> {
  await exec(
    tx,
    sql`update identity.membership_designations
           set active = false, ended_at = ${at}
         where membership_id = ${id} and designation = any(${[...designations]}::text[]) and active`,
  )
}

const Others = z.object({ others: z.boolean(), archived: z.boolean() })

/** Asked under the engagement's lock. Who is being erased does not count; where the work is over nobody has to run it. */
async function requireAnotherOperator(tx: Db, { id, engagement_id: engagement }: Membership): Promise<void> {
  const { others, archived } = await one(
    tx,
    Others,
    sql`select exists (select
                         from identity.memberships m
                         join identity.membership_designations d on d.membership_id = m.id and d.designation = 'operator' and d.active
                         join identity.persons p on p.id = m.principal_id and p.state <> 'erasing'
                        where m.engagement_id = ${engagement} and m.active and m.id <> ${id}) as others,
               exists (select from identity.engagement_ref r where r.engagement_id = ${engagement} and r.state = 'archived') as archived`,
  )
  if (!others && !archived) throw refusals.last_operator()
}

async function changed(tx: Db, { id }: Membership, values: ReturnType<typeof sql>, stating: Stating): Promise<Membership> {
  await exec(tx, sql`update identity.memberships set ${values} where id = ${id}`)
  return told(tx, id, MembershipChanged, { by: stating.actor, stating })
}

/** States the membership as it is now. */
async function told(
  tx: Db,
  id: Id<'membership'>,
  type: typeof MembershipGranted | typeof MembershipChanged,
  { by, stating }: { by: Actor; stating: Stating },
): Promise<Membership> {
  const now = await one(tx, Membership, sql`select ${MEMBERSHIP_COLUMNS} from identity.memberships m where m.id = ${id}`)
  await state(tx, now, fact(type as typeof MembershipChanged, saidOf(now, by)), stating)
  return now
}

function saidOf(member: Membership, by: Actor): z.input<typeof MembershipChanged.schema> {
  const { operator_sequence_number: number } = member
  return {
    membershipId: member.id,
    principal: { kind: member.principal_kind, id: member.principal_id },
    engagementId: member.engagement_id,
    designations: [...member.designations],
    commitAuthority: member.commit_authority,
    ...(number !== null && { operatorSequenceNumber: number }),
    by,
    revision: member.revision,
  }
}

/** A person's membership is a fact about the person; an agent has no stream. */
async function state(tx: Db, { id, principal_kind, principal_id, revision }: Membership, said: PersonFact, stating: Stating): Promise<void> {
  if (principal_kind === 'person') await statePersonFacts(tx, principal_id as string as PersonId, [said], stating)
  else await stateFacts(tx, derivedId(id, said.type.name, revision), [said], stating)
}
