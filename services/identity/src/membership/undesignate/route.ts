import { Designation } from '@loomworks/contracts'
import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { membership } from '../../errors.ts'
import { dropDesignation } from '../../memberships.ts'
import type { IdentityParts } from '../../parts.ts'
import { MemberParams } from '../../shown-member.ts'
import { changingMember, REFUSED_CHANGES, requireChangeable } from '../changing.ts'

const Params = MemberParams.extend({ designation: Designation })

export const undesignateMemberRoute = operation({
  delete: '/engagements/:engagement/members/:member/designations/:designation',
  id: 'undesignateMember',
  summary: 'Take a designation from a member who has others',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'operator', hide: true },
  params: Params,
  reply: z.undefined(),
  status: 204,
  refuses: [...REFUSED_CHANGES, membership.agent_fixed, membership.ended, membership.last_operator, membership.last_designation],

  answer(request, parts: IdentityParts) {
    return changingMember(request, parts, async (changing) => {
      requireChangeable(changing)
      await dropDesignation(changing.tx, changing.member, request.params.designation, changing.stating)
      return undefined
    })
  },
})
