import { MemoryClass, PrincipalKind } from '@loomworks/contracts'
import { Actor, idOf } from '@loomworks/kernel'
import { rowProjection } from '@loomworks/projections'
import { z } from 'zod'
import type { EngagementEvent, EventOf } from '../engagement/events.ts'
import { ENGAGEMENT_STREAMS } from '../engagement/stream.ts'
import { ActivityKind, BindingKind } from '../vocabulary.ts'

export const Activity = z.object({
  object: idOf<'object'>(),
  engagement: idOf<'engagement'>(),
  kind: ActivityKind,
  class: MemoryClass,
  binding_kind: BindingKind,
  persona_kind: PrincipalKind.nullable(),
  persona_id: idOf().nullable(),
  at: z.string().nullable(),
  actor: Actor.nullable(),
})
type Activity = z.output<typeof Activity>

/** What was committed and activated in shared engagements. A draft has a row without a time, because a commit does not say again
 *  whose the object is. Nothing of a personal engagement gets in here. */
export const activity = rowProjection<EngagementEvent, Activity>({
  table: 'activity',
  version: 1,
  row: Activity,
  key: ['object'],
  streams: [ENGAGEMENT_STREAMS],
  keys(event) {
    if (event.type === 'EngagementOpened' || event.type === 'MemoryAdded') return event.data.owner === undefined ? [event.data.object] : []
    return event.type === 'MemoryCommitted' ? [event.data.object] : []
  },
  fold(row, event, { at, actor }) {
    if (event.type === 'MemoryCommitted') return row && { ...row, at, actor }
    if (event.type === 'MemoryAdded') return event.data.owner === undefined ? noted(event, 'commit') : row
    if (event.type !== 'EngagementOpened' || event.data.owner !== undefined || event.data.state !== 'active') return row
    return { ...noted(event, 'activation'), at, actor }
  },
})

function noted({ data }: EventOf<'EngagementOpened' | 'MemoryAdded'>, kind: Activity['kind']): Activity {
  const persona = data.binding.k === 'PersonalOnly' ? data.binding.persona : undefined
  return {
    object: data.object,
    engagement: data.engagement,
    kind,
    class: data.class,
    binding_kind: data.binding.k,
    persona_kind: persona?.kind ?? null,
    persona_id: persona?.id ?? null,
    at: null,
    actor: null,
  }
}
