import { Answered, operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { accessTo } from '../../access.ts'
import { foldedCard } from '../../current-engagement.ts'
import { refuse } from '../../errors.ts'
import { keptEngagement } from '../../kept-replies.ts'
import type { MemoryParts } from '../../parts.ts'
import { ShownEngagement, shownEngagement } from '../../shown-engagement.ts'
import { positioned, written } from '../../writing.ts'
import { engagement } from '../evolve.ts'
import { archiveEngagement } from './decide.ts'

export const archiveEngagementRoute = operation({
  post: '/engagements/:engagement/archive',
  id: 'archiveEngagement',
  summary: 'End the work of an engagement: it stays to be read, and nothing is written any more',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'operator', hide: true },
  limits: { idempotency: 'optional' },
  params: z.object({ engagement: z.string() }),
  reply: ShownEngagement,
  refuses: [
    refuse.address_malformed,
    refuse.engagement_not_found,
    refuse.operator_required,
    refuse.personal_memory_only,
    refuse.wrong_state,
    refuse.store_unavailable,
  ],

  async answer(request, parts: MemoryParts) {
    const access = await accessTo(request.params.engagement, request, parts)
    const { engagement: id, rights, standing } = access
    const command = { engagement: id, operator: standing.designations.includes('operator'), rights }
    const shown = async () => shownEngagement(await foldedCard(access, parts), parts)
    return request.onceAround(parts.db, {
      ...keptEngagement(async () => (await shown()).title),
      async write(caller) {
        const handled = await written(parts.handle(engagement, id, archiveEngagement, command, caller))
        return new Answered(200, await shown(), positioned(handled))
      },
    })
  },
})
