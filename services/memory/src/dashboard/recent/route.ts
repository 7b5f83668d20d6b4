import { type PersonId, timeOf } from '@loomworks/kernel'
import { operation, page, paged, placeOf } from '@loomworks/service-kit'
import { z } from 'zod'
import type { MemoryParts } from '../../parts.ts'
import { asReader } from '../../reader.ts'
import { snakeCased } from '../../snake.ts'
import { confirmStandings } from '../../standings.ts'
import { titlesOf } from '../../titles.ts'
import { ActivityKind } from '../../vocabulary.ts'
import { happenedSince } from '../queries.ts'
import { NamedEngagement, NamedObject, namedEngagement } from '../shown.ts'

const THIRTY_DAYS_MS = 30 * 86_400_000
const Entry = z.object({
  kind: ActivityKind,
  engagement: NamedEngagement,
  ref: NamedObject,
  at: z.string(),
  actor: z.looseObject({ kind: z.string(), id: z.string() }),
})

export const recentDashboardRoute = operation({
  get: '/me/dashboard/recent',
  id: 'recentDashboard',
  summary: 'What happened in my engagements in the last 30 days, newest first',
  authz: { actors: ['person', 'companion'], scope: 'memory.read', object: 'dashboard', relation: 'self', hide: false },
  query: z.strictObject(page),
  reply: z.object({ items: z.array(Entry), next_cursor: z.string().nullable() }),
  refuses: [],

  async answer({ query, caller }, parts: MemoryParts) {
    const { db, clock, keyring } = parts
    await confirmStandings(parts, { kind: 'person', id: caller.actor.id as PersonId })
    const since = timeOf(clock.now() - THIRTY_DAYS_MS)
    const asked = { before: placeOf(query.cursor), limit: query.limit + 1 }
    const found = await asReader(db, caller.actor.id, (reader) => happenedSince(reader, since, asked))
    const { rows, next } = paged(found, query.limit, ({ at, object }) => ({ at, id: object }))
    const titled = await titlesOf(rows, keyring)
    const items = rows.map(({ kind, engagement, number, object, at, actor }) => ({
      kind,
      engagement: namedEngagement({ engagement, number }, titled),
      ref: { engagement, object },
      at,
      actor: snakeCased(actor) as { kind: string; id: string },
    }))
    return { items, next_cursor: next }
  },
})
