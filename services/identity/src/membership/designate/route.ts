import { Designation } from '@loomworks/contracts'
import { operation, requireStepUp, shared } from '@loomworks/service-kit'
import { requireOwnOperators } from '../../engagements.ts'
import { membership } from '../../errors.ts'
import { addDesignation } from '../../memberships.ts'
import type { IdentityParts } from '../../parts.ts'
import { MemberParams, ShownMember, shownMember } from '../../shown-member.ts'
import { changingMember, REFUSED_CHANGES, requireChangeable } from '../changing.ts'
import { memberOf } from '../queries.ts'

const Params = MemberParams.extend({ designation: Designation })

export const designateMemberRoute = operation({
  put: '/engagements/:engagement/members/:member/designations/:designation',
  id: 'designateMember',
  summary: 'Give a member one more designation; that of an operator needs a fresh passkey',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'operator', hide: true },
  params: Params,
  reply: ShownMember,
  refuses: [...REFUSED_CHANGES, membership.agent_fixed, membership.ended, shared.step_up_required],

  answer(request, parts: IdentityParts) {
    const { designation } = request.params
    return changingMember(request, parts, async (changing) => {
      requireChangeable(changing)
      requireOwnOperators(changing.standing, [designation])
      // An operator commits without anybody's leave.
      if (designation === 'operator') requireStepUp('passkey', request.token, parts.clock.now())
      const { id } = await addDesignation(changing.tx, changing.member, designation, changing.stating)
      return shownMember(await memberOf(changing.tx, id))
    })
  },
})
