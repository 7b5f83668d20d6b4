import { MemoryClass, PrincipalKind } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { rowProjection } from '@loomworks/projections'
import { z } from 'zod'
import type { EngagementEvent, EventOf } from '../engagement/events.ts'
import { ENGAGEMENT_STREAMS } from '../engagement/stream.ts'
import { BindingKind } from '../vocabulary.ts'

export const NeedsYou = z.object({
  object: idOf<'object'>(),
  engagement: idOf<'engagement'>(),
  kind: z.literal('held_memory'),
  class: MemoryClass,
  binding_kind: BindingKind,
  persona_kind: PrincipalKind.nullable(),
  persona_id: idOf().nullable(),
  since: z.string(),
})

/** Drafts that somebody has to settle. Those of personal engagements never get in here: they have an owner. */
export const needsYou = rowProjection<EngagementEvent, z.output<typeof NeedsYou>>({
  table: 'needs_you',
  version: 1,
  row: NeedsYou,
  key: ['object'],
  streams: [ENGAGEMENT_STREAMS],
  keys: (event) => (isOfDraft(event) ? [event.data.object] : []),
  fold(_row, event, { at }) {
    if (event.type !== 'MemoryAdded' || event.data.owner !== undefined) return undefined
    const { object, engagement, class: memoryClass, binding } = event.data
    const persona = binding.k === 'PersonalOnly' ? binding.persona : undefined
    return {
      object,
      engagement,
      kind: 'held_memory',
      class: memoryClass,
      binding_kind: binding.k,
      persona_kind: persona?.kind ?? null,
      persona_id: persona?.id ?? null,
      since: at,
    }
  },
})

function isOfDraft(event: EngagementEvent): event is EventOf<'MemoryAdded' | 'MemoryCommitted' | 'MemoryRetracted'> {
  if (event.type === 'MemoryAdded') return event.data.owner === undefined
  return event.type === 'MemoryCommitted' || event.type === 'MemoryRetracted'
}
