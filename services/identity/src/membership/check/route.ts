import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { CheckedMembership, checkedMembership } from '../queries.ts'

export const checkMembershipRoute = operation({
  post: '/internal/memberships:check',
  id: 'checkMembership',
  summary: 'Does this principal belong to that engagement, as of now',
  internal: { auth: 'token', callers: ['memory', 'companion', 'credit', 'audit'] },
  body: z.strictObject({ principalId: idOf(), engagementId: z.union([z.literal('own'), idOf<'engagement'>()]) }),
  reply: CheckedMembership.nullable(),
  refuses: [shared.internal_token_invalid, shared.actor_refused, shared.invalid_body],

  async answer({ body }, { db }: IdentityParts) {
    return (await checkedMembership(db, body.principalId, body.engagementId)) ?? null
  },
})
