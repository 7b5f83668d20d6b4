import { operation, page, placeOf } from '@loomworks/service-kit'
import { z } from 'zod'
import type { MemoryParts } from '../../parts.ts'
import { NamedEngagement } from '../shown.ts'

export const activeDashboardRoute = operation({
  get: '/me/dashboard/active',
  id: 'activeDashboard',
  summary: 'Jobs that are queued, running or waiting in my engagements',
  authz: { actors: ['person', 'companion'], scope: 'memory.read', object: 'dashboard', relation: 'self', hide: false },
  query: z.strictObject(page),
  reply: z.object({ items: z.array(z.object({ engagement: NamedEngagement, job: z.object({ id: z.guid() }) })), next_cursor: z.string().nullable() }),
  refuses: [],

  // No command of this version makes a job, so none is under way.
  answer({ query }, _parts: MemoryParts) {
    placeOf(query.cursor)
    return Promise.resolve({ items: [], next_cursor: null })
  },
})
