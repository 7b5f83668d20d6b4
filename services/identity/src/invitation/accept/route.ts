import { actorFromPerson, type Caller, emailLookup, type PersonId, timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { type Db, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { lockEngagement } from '../../engagements.ts'
import { invitation, membership } from '../../errors.ts'
import { statingFor } from '../../facts.ts'
import { grantMembership, type Membership, membershipOf } from '../../memberships.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { ShownMember, shownMember } from '../../shown-member.ts'
import { BroughtToken, broughtInvitation, settledAs } from '../bearing.ts'
import { type Invitation, invitationIn, settled } from '../queries.ts'

export const acceptInvitationRoute = operation({
  post: '/invitations/accept',
  id: 'acceptInvitation',
  summary: 'Accept an invitation: nobody becomes a member without a yes',
  authz: { actors: ['person'], scope: 'memory.write', object: 'invitation', relation: 'none', hide: true },
  body: BroughtToken,
  reply: z.object({ engagement: z.guid(), membership: ShownMember }),
  refuses: [
    shared.invalid_body,
    shared.rate_limited,
    invitation.token_unknown,
    invitation.already_accepted,
    invitation.declined,
    invitation.revoked,
    invitation.expired,
    invitation.email_mismatch,
    membership.exists,
  ],

  async answer({ body, caller }, parts: IdentityParts) {
    const personId = selfOf(caller)
    const found = await broughtInvitation(parts, body.token, personId)
    const { email, name } = await bearerOf(parts.db, personId)
    if (found.email_lookup !== null && found.email_lookup !== emailLookup(email)) throw invitation.email_mismatch()
    const member = await parts.db.transaction((tx) => accepted(tx, found, { parts, personId, caller }))
    return { engagement: found.engagement_id, membership: shownMember({ ...member, name }) }
  },
})

const Bearer = z.object({ email: z.string(), name: z.string() })

function bearerOf(db: Db, personId: PersonId): Promise<z.output<typeof Bearer>> {
  return one(db, Bearer, sql`select email, display_name as name from identity.persons where id = ${personId}`)
}

interface Accepting {
  readonly parts: IdentityParts
  readonly personId: PersonId
  readonly caller: Caller
}

/** Of many who bring one token at once one settles it. Who invited must still be an operator: nobody gives what they have no more. */
async function accepted(
  tx: Tx,
  { id, engagement_id: engagement, designations, invited_by }: Invitation,
  { parts, personId, caller }: Accepting,
): Promise<Membership> {
  const nowMs = parts.clock.now()
  await lockEngagement(tx, engagement)
  if (!(await settled(tx, { id, engagement }, 'accepted', nowMs))) throw settledAs((await invitationIn(tx, engagement, id, nowMs))?.state ?? 'revoked')
  const inviter = await membershipOf(tx, engagement, invited_by)
  if (inviter?.active !== true || !inviter.designations.includes('operator')) throw invitation.revoked()
  const principal = { kind: 'person', id: personId } as const
  const granting = { engagement, principal, designations, by: actorFromPerson(invited_by) }
  const member = await grantMembership(tx, granting, statingFor(caller, timeOf(nowMs)))
  if (member === undefined) throw membership.exists()
  parts.relay.wakeAfter(tx)
  return member
}
