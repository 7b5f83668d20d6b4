import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { invitation } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { BroughtToken, broughtInvitation, settledAs } from '../bearing.ts'
import { invitationIn, settled } from '../queries.ts'

export const declineInvitationRoute = operation({
  post: '/invitations/decline',
  id: 'declineInvitation',
  summary: 'Decline an invitation: its token opens nothing any more',
  authz: { actors: ['person'], scope: 'memory.write', object: 'invitation', relation: 'none', hide: true },
  body: BroughtToken,
  reply: z.object({ state: z.literal('declined') }),
  refuses: [
    shared.invalid_body,
    shared.rate_limited,
    invitation.token_unknown,
    invitation.already_accepted,
    invitation.declined,
    invitation.revoked,
    invitation.expired,
  ],

  async answer({ body, caller }, parts: IdentityParts) {
    const { id, engagement_id: engagement } = await broughtInvitation(parts, body.token, selfOf(caller))
    const nowMs = parts.clock.now()
    if (!(await settled(parts.db, { id, engagement }, 'declined', nowMs)))
      throw settledAs((await invitationIn(parts.db, engagement, id, nowMs))?.state ?? 'revoked')
    return { state: 'declined' as const }
  },
})
