import { Designation, EngagementState, Visibility } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { operation, page, paged, placeOf, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { membershipsOf } from '../queries.ts'

const Mine = z.object({
  id: idOf<'membership'>(),
  engagement: z.object({ id: idOf<'engagement'>(), display_identifier: z.string(), visibility: Visibility, state: EngagementState }),
  designations: z.array(Designation),
  commit_authority: z.boolean(),
  operator_sequence_number: z.int().nullable(),
  since: z.string(),
})

export const listMyMembershipsRoute = operation({
  get: '/me/memberships',
  id: 'listMyMemberships',
  summary: 'The engagements I belong to, newest first; never the personal one',
  authz: { actors: ['person'], scope: 'account.read', object: 'membership', relation: 'self', hide: false },
  query: z.strictObject(page),
  reply: z.object({ items: z.array(Mine), next_cursor: z.string().nullable() }),
  refuses: [shared.invalid_body],

  async answer({ query, caller }, { db }: IdentityParts) {
    const found = await membershipsOf(db, selfOf(caller), placeOf(query.cursor), query.limit + 1)
    const { rows, next } = paged(found, query.limit, ({ created_at: at, id }) => ({ at, id }))
    const items = rows.map(({ id, engagement_id, display_identifier, visibility, state, designations, ...row }) => ({
      id,
      engagement: { id: engagement_id, display_identifier, visibility, state },
      designations,
      commit_authority: row.commit_authority || designations.includes('operator'),
      operator_sequence_number: row.operator_sequence_number,
      since: row.created_at,
    }))
    return { items, next_cursor: next }
  },
})
