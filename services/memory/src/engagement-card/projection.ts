import { EngagementState, Visibility } from '@loomworks/contracts'
import { Actor, idOf } from '@loomworks/kernel'
import { rowProjection } from '@loomworks/projections'
import { z } from 'zod'
import type { EngagementEvent, EventOf } from '../engagement/events.ts'
import { ENGAGEMENT_STREAMS } from '../engagement/stream.ts'

/** Types of shapes and renders a seed declares: none keeps a room dormant. */
const Declared = z.strictObject({ shapes: z.int(), renders: z.int() })

export const EngagementCard = z.object({
  engagement: idOf<'engagement'>(),
  state: EngagementState,
  visibility: Visibility,
  number: z.int().nullable(),
  owner: idOf<'person'>().nullable(),
  opened_by: Actor,
  opened_at: z.string(),
  activated_at: z.string().nullable(),
  seed: idOf<'object'>().nullable(),
  seeds: z.record(z.string(), Declared),
  engagement_version: z.int(),
  /** As it is stored, and the event it is bound to. */
  title: z.record(z.string(), z.json()).nullable(),
  title_event: z.string().nullable(),
})
export type EngagementCard = z.output<typeof EngagementCard>

/** The engagement as it stands. Its title is opened by whoever reads, and composed where it has none. */
export const engagementCards = rowProjection<EngagementEvent, EngagementCard>({
  table: 'engagement',
  version: 1,
  row: EngagementCard,
  key: ['engagement'],
  streams: [ENGAGEMENT_STREAMS],
  keys: (event) => [event.data.engagement],
  fold(row, event, { at, revision, envelope }) {
    if (event.type === 'EngagementVoided') return undefined
    const engagement_version = Number(revision) + 1
    if (event.type === 'EngagementOpened')
      return { ...opened(event, at), engagement_version, title: envelope.sealed ?? null, title_event: envelope.sealed === undefined ? null : envelope.id }
    if (event.type === 'EngagementArchived') return row && { ...row, state: 'archived', engagement_version }
    return row && { ...seeded(row, event), engagement_version }
  },
})

function opened({ data }: EventOf<'EngagementOpened'>, at: string): Omit<EngagementCard, 'engagement_version' | 'title' | 'title_event'> {
  return {
    engagement: data.engagement,
    state: data.state,
    visibility: data.visibility,
    number: data.number ?? null,
    owner: data.owner ?? null,
    opened_by: data.openedBy,
    opened_at: at,
    activated_at: data.state === 'active' ? at : null,
    seed: null,
    seeds: {},
  }
}

function seeded(row: EngagementCard, event: EngagementEvent): EngagementCard {
  if (event.type === 'MemoryCommitted') return event.data.objectType === 'seed' ? { ...row, seed: event.data.object } : row
  if (event.type !== 'MemoryAdded' && event.type !== 'MemoryRecorded') return row
  if (event.data.objectType !== 'seed') return row
  const { object, payload } = event.data
  const seeds = { ...row.seeds, [object]: { shapes: payload.shapeTypes.length, renders: payload.renderTypes.length } }
  return { ...row, seeds, seed: event.type === 'MemoryRecorded' ? object : row.seed }
}
