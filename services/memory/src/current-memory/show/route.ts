import { idOf } from '@loomworks/kernel'
import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { accessTo } from '../../access.ts'
import { refuse } from '../../errors.ts'
import type { MemoryParts } from '../../parts.ts'
import { ShownMemory, shownMemories } from '../../shown.ts'
import { readObject } from '../one.ts'

export const showMemoryRoute = operation({
  get: '/engagements/:engagement/memory/:object',
  id: 'showMemory',
  summary: 'A memory object as it stands',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.read', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  params: z.object({ engagement: z.string(), object: idOf<'object'>() }),
  reply: ShownMemory.extend({ engagement_version: z.int() }),
  refuses: [refuse.address_malformed, refuse.engagement_not_found, refuse.object_not_found],

  async answer(request, parts: MemoryParts) {
    const access = await accessTo(request.params.engagement, request, parts)
    const { row, rows, engagementVersion } = await readObject(request.params.object, access, parts)
    const [shown] = await shownMemories([row], { persona: access.rights.persona, atHand: rows }, parts)
    if (shown === undefined) throw refuse.object_not_found()
    return { ...shown, engagement_version: engagementVersion }
  },
})
