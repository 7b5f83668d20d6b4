import { MemoryClass, MemoryObjectType } from '@loomworks/contracts'
import { operation, page, paged, placeOf } from '@loomworks/service-kit'
import { z } from 'zod'
import { accessTo } from '../../access.ts'
import { refuse } from '../../errors.ts'
import type { MemoryParts } from '../../parts.ts'
import { asReader } from '../../reader.ts'
import { ShownMemory, shownMemories } from '../../shown.ts'
import { LifetimeKind } from '../../vocabulary.ts'
import { memoriesIn } from '../queries.ts'

export const listMemoryRoute = operation({
  get: '/engagements/:engagement/memory',
  id: 'listMemory',
  summary: 'What an engagement holds and I may read, newest first',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.read', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  params: z.object({ engagement: z.string() }),
  query: z.strictObject({ type: MemoryObjectType.optional(), lifetime: LifetimeKind.optional(), class: MemoryClass.optional(), ...page }),
  reply: z.object({ items: z.array(ShownMemory), next_cursor: z.string().nullable() }),
  refuses: [refuse.address_malformed, refuse.engagement_not_found],

  async answer(request, parts: MemoryParts) {
    const { params, query } = request
    const { engagement, rights } = await accessTo(params.engagement, request, parts)
    const { type, lifetime, class: memoryClass, limit } = query
    const filter = { type, lifetime, class: memoryClass, before: placeOf(query.cursor), limit: limit + 1 }
    const found = await asReader(parts.db, rights.persona.id, (reader) => memoriesIn(reader, engagement, filter))
    const { rows, next } = paged(found, limit, (row) => ({ at: row.added_at, id: row.object }))
    return { items: [...(await shownMemories(rows, rights, parts))], next_cursor: next }
  },
})
