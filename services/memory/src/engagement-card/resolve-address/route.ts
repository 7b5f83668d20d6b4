import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { accessTo } from '../../access.ts'
import { currentCard } from '../../current-engagement.ts'
import { refuse } from '../../errors.ts'
import { identifierOf } from '../../identifiers.ts'
import type { MemoryParts } from '../../parts.ts'

export const resolveAddressRoute = operation({
  get: '/addresses/:text',
  id: 'resolveAddress',
  summary: 'Which engagement an address names: a UUID, an E number in any case or padding, or me',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.read', object: 'engagement', idFrom: 'params.text', relation: 'member', hide: true },
  params: z.object({ text: z.string() }),
  reply: z.object({ id: z.guid(), display_identifier: z.string().nullable() }),
  refuses: [refuse.address_malformed, refuse.engagement_not_found],

  async answer(request, parts: MemoryParts) {
    const { engagement, number } = await currentCard(await accessTo(request.params.text, request, parts), parts)
    return { id: engagement, display_identifier: number === null ? null : identifierOf(number) }
  },
})
