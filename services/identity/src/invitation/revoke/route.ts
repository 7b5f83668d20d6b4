import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { requireChosen, requireOperator, standingAt } from '../../engagements.ts'
import { invitation, membership } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { invitationIn, settled } from '../queries.ts'

export const revokeInvitationRoute = operation({
  delete: '/engagements/:engagement/invitations/:invitation',
  id: 'revokeInvitation',
  summary: 'Take an invitation back before it was accepted',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'operator', hide: true },
  params: z.object({ engagement: z.string(), invitation: idOf<'invitation'>() }),
  reply: z.undefined(),
  status: 204,
  refuses: [shared.not_found, shared.invalid_body, membership.operator_required, membership.personal_fixed, membership.automatic, invitation.already_accepted],

  /** One that was declined, revoked or has expired opens nothing: what is asked for is so. */
  async answer({ params, caller }, { db, clock }: IdentityParts) {
    const standing = await standingAt(db, params.engagement, selfOf(caller))
    requireChosen(standing)
    requireOperator(standing)
    if (await settled(db, { id: params.invitation, engagement: standing.id }, 'revoked', clock.now())) return undefined
    const found = await invitationIn(db, standing.id, params.invitation, clock.now())
    if (found === undefined) throw shared.not_found()
    if (found.state === 'accepted') throw invitation.already_accepted()
    return undefined
  },
})
