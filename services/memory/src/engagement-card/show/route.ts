import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { accessTo } from '../../access.ts'
import { currentCard } from '../../current-engagement.ts'
import { refuse } from '../../errors.ts'
import type { MemoryParts } from '../../parts.ts'
import { ShownEngagement, shownEngagement } from '../../shown-engagement.ts'

export const showEngagementRoute = operation({
  get: '/engagements/:engagement',
  id: 'showEngagement',
  summary: 'An engagement by UUID, E number or me',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.read', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  params: z.object({ engagement: z.string() }),
  reply: ShownEngagement,
  refuses: [refuse.address_malformed, refuse.engagement_not_found],

  async answer(request, parts: MemoryParts) {
    const access = await accessTo(request.params.engagement, request, parts)
    return shownEngagement(await currentCard(access, parts), parts)
  },
})
