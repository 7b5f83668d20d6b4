import type { PersonId } from '@loomworks/kernel'
import { operation, page, paged, placeOf, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { standingAt } from '../../engagements.ts'
import type { IdentityParts } from '../../parts.ts'
import { ShownMember, shownMember } from '../../shown-member.ts'
import { membersOf } from '../queries.ts'

export const listMembersRoute = operation({
  get: '/engagements/:engagement/members',
  id: 'listMembers',
  summary: 'Who belongs to an engagement; of one that everybody belongs to, only myself',
  authz: { actors: ['person', 'companion'], scope: 'memory.read', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  params: z.object({ engagement: z.string() }),
  query: z.strictObject(page),
  reply: z.object({ items: z.array(ShownMember), next_cursor: z.string().nullable() }),
  refuses: [shared.not_found, shared.invalid_body],

  async answer({ params, query, caller }, { db }: IdentityParts) {
    // A Companion has no id of its own: it is its person's.
    const personId = caller.actor.id as string as PersonId
    const standing = await standingAt(db, params.engagement, personId)
    const only = standing.visibility === 'automatic' ? personId : undefined
    const found = await membersOf(db, standing.id, { only, after: placeOf(query.cursor), limit: query.limit + 1 })
    const { rows, next } = paged(found, query.limit, ({ created_at: at, id }) => ({ at, id }))
    return { items: rows.map(shownMember), next_cursor: next }
  },
})
