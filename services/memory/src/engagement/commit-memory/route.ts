import { idOf } from '@loomworks/kernel'
import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { accessTo } from '../../access.ts'
import { refuse } from '../../errors.ts'
import { keptMemory } from '../../kept-replies.ts'
import type { MemoryParts } from '../../parts.ts'
import { answerOf, WrittenMemory, written } from '../../writing.ts'
import { engagement } from '../evolve.ts'
import { commitMemory } from './decide.ts'

export const commitMemoryRoute = operation({
  post: '/engagements/:engagement/memory/:object/commit',
  id: 'commitMemory',
  summary: 'Make a draft part of what the engagement holds true',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.write', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  limits: { idempotency: 'optional' },
  params: z.object({ engagement: z.string(), object: idOf<'object'>() }),
  body: z.strictObject({ expected_version: z.int().min(1) }),
  reply: WrittenMemory,
  refuses: [
    refuse.address_malformed,
    refuse.engagement_not_found,
    refuse.object_not_found,
    refuse.engagement_not_writable,
    refuse.wrong_state,
    refuse.version_conflict,
    refuse.target_not_active,
    refuse.commit_authority_required,
    refuse.self_commit_forbidden,
    refuse.untrusted_needs_person,
    refuse.store_unavailable,
  ],

  async answer(request, parts: MemoryParts) {
    const { params, body } = request
    const access = await accessTo(params.engagement, request, parts)
    const command = { engagement: access.engagement, object: params.object, expectedVersion: body.expected_version, rights: access.rights }
    return request.onceAround(parts.db, {
      ...keptMemory(access, parts),
      write: async (caller) =>
        answerOf(params.object, access, await written(parts.handle(engagement, access.engagement, commitMemory, command, caller)), parts),
    })
  },
})
