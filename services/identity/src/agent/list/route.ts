import { operation, page, paged, placeOf } from '@loomworks/service-kit'
import { z } from 'zod'
import { requireChosen, requireOperator, standingAt } from '../../engagements.ts'
import { membership } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { REFUSED } from '../changing.ts'
import { agentsIn } from '../queries.ts'
import { ShownAgent, shownAgent } from '../shown.ts'

export const listAgentsRoute = operation({
  get: '/engagements/:engagement/agents',
  id: 'listAgents',
  summary: 'The agents of an engagement, newest first',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'operator', hide: true },
  params: z.object({ engagement: z.string() }),
  query: z.strictObject(page),
  reply: z.object({ items: z.array(ShownAgent), next_cursor: z.string().nullable() }),
  refuses: [...REFUSED, membership.personal_fixed, membership.automatic],

  async answer({ params, query, caller }, { db }: IdentityParts) {
    const standing = await standingAt(db, params.engagement, selfOf(caller))
    requireChosen(standing)
    requireOperator(standing)
    const found = await agentsIn(db, standing.id, { before: placeOf(query.cursor), limit: query.limit + 1 })
    const { rows, next } = paged(found, query.limit, ({ created_at: at, id }) => ({ at, id }))
    return { items: rows.map(shownAgent), next_cursor: next }
  },
})
