import { Designation } from '@loomworks/contracts'
import { type EngagementId, idOf, timeOf } from '@loomworks/kernel'
import type { Before } from '@loomworks/service-kit'
import { type Db, exec, many, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { InvitationState } from '../vocabulary.ts'

export const Invitation = z.object({
  id: idOf<'invitation'>(),
  engagement_id: idOf<'engagement'>(),
  email_lookup: z.string().nullable(),
  designations: z.array(Designation),
  invited_by: idOf<'person'>(),
  state: InvitationState,
  created_at: z.string(),
  expires_at: z.string(),
})
export type Invitation = Readonly<z.output<typeof Invitation>>

/** An open one whose time is over has expired, whether that was swept already or not. */
const columns = (nowMs: number) => sql`i.id, i.engagement_id, i.email_lookup, i.designations, i.invited_by,
               case when i.state = 'open' and i.expires_at <= ${timeOf(nowMs)} then 'expired' else i.state end as state, i.created_at, i.expires_at`

/** Newest first. */
export function invitationsTo(
  db: Db,
  engagement: EngagementId,
  { before, limit, nowMs }: { readonly before: Before | undefined; readonly limit: number; readonly nowMs: number },
): Promise<readonly Invitation[]> {
  return many(
    db,
    Invitation,
    sql`select ${columns(nowMs)}
          from identity.invitations i
         where i.engagement_id = ${engagement}
           and (${before?.at ?? null}::timestamptz is null or (i.created_at, i.id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid))
         order by i.created_at desc, i.id desc
         limit ${limit}`,
  )
}

export function invitationIn(db: Db, engagement: EngagementId, id: string, nowMs: number): Promise<Invitation | undefined> {
  return maybe(db, Invitation, sql`select ${columns(nowMs)} from identity.invitations i where i.id = ${id} and i.engagement_id = ${engagement}`)
}

export function invitationOfToken(db: Db, hash: string, nowMs: number): Promise<Invitation | undefined> {
  return maybe(db, Invitation, sql`select ${columns(nowMs)} from identity.invitations i where i.token_hash = ${hash}`)
}

/** Settles an open invitation; false where somebody else has, or its time is over. Whom it was for is forgotten. */
export async function settled(
  db: Db,
  { id, engagement }: { readonly id: string; readonly engagement: EngagementId },
  state: 'accepted' | 'declined' | 'revoked',
  nowMs: number,
): Promise<boolean> {
  const changed = await exec(
    db,
    sql`update identity.invitations
           set state = ${state}, settled_at = ${timeOf(nowMs)}, email_lookup = null
         where id = ${id} and engagement_id = ${engagement} and state = 'open' and expires_at > ${timeOf(nowMs)}`,
  )
  return changed === 1
}

/** Invitations whose time is over are settled, too. */
export function sweepInvitations(db: Db, nowMs: number): Promise<number> {
  return exec(
    db,
    sql`update identity.invitations
           set state = 'expired', settled_at = ${timeOf(nowMs)}, email_lookup = null
         where state = 'open' and expires_at <= ${timeOf(nowMs)}`,
  )
}
