import { idOf } from '@loomworks/kernel'
import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { accessTo } from '../../access.ts'
import { refuse } from '../../errors.ts'
import { keptMemory } from '../../kept-replies.ts'
import type { MemoryParts } from '../../parts.ts'
import { RetractionReason } from '../../vocabulary.ts'
import { answerOf, WrittenMemory, written } from '../../writing.ts'
import { engagement } from '../evolve.ts'
import { retractMemory } from './decide.ts'

const InLog = z
  .strictObject({ k: z.literal('log'), event: z.strictObject({ stream: z.string().max(64), event_id: z.guid() }), hash: z.string().regex(/^[0-9a-f]{64}$/) })
  .transform(({ k, event, hash }) => ({ k, hash, event: { stream: event.stream, eventId: event.event_id } }))

export const retractMemoryRoute = operation({
  post: '/engagements/:engagement/memory/:object/retract',
  id: 'retractMemory',
  summary: 'Take back what was held; its content stays where it is said to',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.write', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  limits: { idempotency: 'optional' },
  params: z.object({ engagement: z.string(), object: idOf<'object'>() }),
  body: z.strictObject({ reason: RetractionReason, expected_version: z.int().min(1).optional(), preserved_in: InLog.optional() }),
  reply: WrittenMemory,
  refuses: [
    refuse.address_malformed,
    refuse.engagement_not_found,
    refuse.object_not_found,
    refuse.engagement_not_writable,
    refuse.type_not_retractable,
    refuse.wrong_state,
    refuse.version_conflict,
    refuse.location_unreachable,
    refuse.commit_authority_required,
    refuse.consent_required,
    refuse.store_unavailable,
  ],

  async answer(request, parts: MemoryParts) {
    const { params, body } = request
    const access = await accessTo(params.engagement, request, parts)
    const { reason, expected_version: expectedVersion, preserved_in: preservedIn } = body
    const command = { engagement: access.engagement, object: params.object, reason, expectedVersion, preservedIn, rights: access.rights }
    return request.onceAround(parts.db, {
      ...keptMemory(access, parts),
      write: async (caller) =>
        answerOf(params.object, access, await written(parts.handle(engagement, access.engagement, retractMemory, command, caller)), parts),
    })
  },
})
