import { MemoryFactType } from '@loomworks/contracts'
import { type Envelope, idOf } from '@loomworks/kernel'
import type { Projected } from '@loomworks/projections'
import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { accessTo } from '../../access.ts'
import { refuse } from '../../errors.ts'
import type { MemoryParts } from '../../parts.ts'
import { snakeCased } from '../../snake.ts'
import { readObject } from '../one.ts'

const Version = z.object({
  version: z.int(),
  engagement_version: z.int(),
  event: z.object({ stream: z.string(), event_id: z.guid() }),
  type: MemoryFactType,
  at: z.string(),
  actor: z.looseObject({ kind: z.string(), id: z.string() }),
  trust: z.string(),
  hash: z.string(),
  prev_hash: z.string(),
})

export const showHistoryRoute = operation({
  get: '/engagements/:engagement/memory/:object/history',
  id: 'showMemoryHistory',
  summary: 'Every version of a memory object: who, when, and the hash that proves it',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.read', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  params: z.object({ engagement: z.string(), object: idOf<'object'>() }),
  reply: z.object({ items: z.array(Version) }),
  refuses: [refuse.address_malformed, refuse.engagement_not_found, refuse.object_not_found],

  async answer(request, parts: MemoryParts) {
    const access = await accessTo(request.params.engagement, request, parts)
    const { events } = await readObject(request.params.object, access, parts)
    return { items: events.filter(({ envelope }) => envelope.data.object === request.params.object).map(versionOf) }
  },
})

function versionOf({ envelope, stream, revision }: Projected<Envelope>): z.input<typeof Version> {
  const { id, type, at, actor, trust, hash, prevHash, data } = envelope
  return {
    version: Number(data.objectVersion),
    engagement_version: Number(revision) + 1,
    event: { stream, event_id: id },
    type: MemoryFactType.parse(type),
    at,
    actor: snakeCased(actor) as { kind: string; id: string },
    trust,
    hash,
    prev_hash: prevHash,
  }
}
