import { operation, page, paged, placeOf, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { requireChosen, requireOperator, standingAt } from '../../engagements.ts'
import { membership } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { invitationsTo } from '../queries.ts'
import { ShownInvitation, shownInvitation } from '../shown.ts'

export const listInvitationsRoute = operation({
  get: '/engagements/:engagement/invitations',
  id: 'listInvitations',
  summary: 'Invitations to an engagement and what became of them, newest first',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'operator', hide: true },
  params: z.object({ engagement: z.string() }),
  query: z.strictObject(page),
  reply: z.object({ items: z.array(ShownInvitation), next_cursor: z.string().nullable() }),
  refuses: [shared.not_found, shared.invalid_body, membership.operator_required, membership.personal_fixed, membership.automatic],

  async answer({ params, query, caller }, { db, clock }: IdentityParts) {
    const standing = await standingAt(db, params.engagement, selfOf(caller))
    requireChosen(standing)
    requireOperator(standing)
    const found = await invitationsTo(db, standing.id, { before: placeOf(query.cursor), limit: query.limit + 1, nowMs: clock.now() })
    const { rows, next } = paged(found, query.limit, ({ created_at: at, id }) => ({ at, id }))
    return { items: rows.map(shownInvitation), next_cursor: next }
  },
})
