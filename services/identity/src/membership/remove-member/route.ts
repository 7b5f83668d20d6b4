import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { requireChosen, requireOperator } from '../../engagements.ts'
import { membership } from '../../errors.ts'
import { endMembership } from '../../memberships.ts'
import type { IdentityParts } from '../../parts.ts'
import { MemberParams } from '../../shown-member.ts'
import { changingMember, REFUSED_CHANGES } from '../changing.ts'

export const removeMemberRoute = operation({
  delete: '/engagements/:engagement/members/:member',
  id: 'removeMember',
  summary: 'Remove a member as an operator, or leave',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  params: MemberParams,
  reply: z.undefined(),
  status: 204,
  refuses: [...REFUSED_CHANGES, membership.agent_fixed, membership.last_operator],

  answer(request, parts: IdentityParts) {
    return changingMember(request, parts, async ({ tx, member, standing, stating }) => {
      const isSelf = member.id === standing.membership
      if (!isSelf) requireOperator(standing)
      requireChosen(standing)
      if (member.principal_kind === 'agent') throw membership.agent_fixed()
      await endMembership(tx, member, isSelf ? 'left' : 'removed', stating)
      return undefined
    })
  },
})
