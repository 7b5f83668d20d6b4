import { EngagementState } from '@loomworks/contracts'
import { operation, page, paged, placeOf, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { personaOf } from '../../engagement/evolve.ts'
import type { MemoryParts } from '../../parts.ts'
import { asReader } from '../../reader.ts'
import { ShownEngagement, shownEngagements } from '../../shown-engagement.ts'
import { confirmStandings } from '../../standings.ts'
import { cards } from '../queries.ts'

export const listEngagementsRoute = operation({
  get: '/engagements',
  id: 'listEngagements',
  summary: 'The engagements I belong to, newest first; never a personal one',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.read', object: 'engagement', relation: 'none', hide: false },
  query: z.strictObject({ state: EngagementState.optional(), ...page }),
  reply: z.object({ items: z.array(ShownEngagement), next_cursor: z.string().nullable() }),
  refuses: [shared.actor_refused],

  async answer({ query, caller }, parts: MemoryParts) {
    const persona = personaOf(caller.actor)
    if (persona === undefined) throw shared.actor_refused()
    await confirmStandings(parts, persona)
    const filter = { state: query.state, before: placeOf(query.cursor), limit: query.limit + 1 }
    const found = await asReader(parts.db, persona.id, (reader) => cards(reader, filter))
    const { rows, next } = paged(found, query.limit, (card) => ({ at: card.opened_at, id: card.engagement }))
    return { items: await shownEngagements(rows, parts), next_cursor: next }
  },
})
