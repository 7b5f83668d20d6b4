import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { membership } from '../../errors.ts'
import { setCommitAuthority } from '../../memberships.ts'
import type { IdentityParts } from '../../parts.ts'
import { MemberParams, ShownMember, shownMember } from '../../shown-member.ts'
import { changingMember, REFUSED_CHANGES, requireChangeable } from '../changing.ts'
import { memberOf } from '../queries.ts'

export const setCommitAuthorityRoute = operation({
  put: '/engagements/:engagement/members/:member/commit-authority',
  id: 'setCommitAuthority',
  summary: 'Let a member commit, or let them no longer',
  authz: {
    actors: ['person'],
    scope: 'engagement.manage',
    object: 'engagement',
    idFrom: 'params.engagement',
    relation: 'operator',
    stepUp: 'passkey',
    hide: true,
  },
  params: MemberParams,
  body: z.strictObject({ value: z.boolean() }),
  reply: ShownMember,
  refuses: [...REFUSED_CHANGES, membership.agent_fixed, membership.ended, shared.step_up_required],

  answer(request, parts: IdentityParts) {
    return changingMember(request, parts, async (changing) => {
      requireChangeable(changing)
      const { id } = await setCommitAuthority(changing.tx, changing.member, request.body.value, changing.stating)
      return shownMember(await memberOf(changing.tx, id))
    })
  },
})
