import { MemoryClass, MemoryObjectType, PrincipalKind } from '@loomworks/contracts'
import { Actor, idOf, Trust, unreachable } from '@loomworks/kernel'
import { type AboutRow, rowProjection } from '@loomworks/projections'
import { z } from 'zod'
import type { BornEvent, EngagementEvent } from '../engagement/events.ts'
import { ENGAGEMENT_STREAMS, inductedCycle, inductedSeed, itself } from '../engagement/stream.ts'
import { BindingKind, LifetimeKind, Ref, SupersedeReason } from '../vocabulary.ts'

export const CurrentMemory = z.object({
  object: idOf<'object'>(),
  engagement: idOf<'engagement'>(),
  type: MemoryObjectType,
  class: MemoryClass,
  binding_kind: BindingKind,
  persona_kind: PrincipalKind.nullable(),
  persona_id: idOf().nullable(),
  version: z.int(),
  lifetime: LifetimeKind,
  detail: z.record(z.string(), z.json()),
  payload: z.record(z.string(), z.json()),
  sealed: z.record(z.string(), z.json()).nullable(),
  content_event: z.string(),
  trust: Trust,
  author: Actor,
  sources: z.array(Ref),
  supersedes: z.array(z.object({ ref: Ref, why: SupersedeReason })),
  about: z.array(idOf<'person'>()),
  valid_from: z.string().nullable(),
  valid_to: z.string().nullable(),
  added_at: z.string(),
  committed_at: z.string().nullable(),
})
export type CurrentMemory = z.output<typeof CurrentMemory>

/** The object as it stands, its text as it is stored. */
export const currentMemory = rowProjection<EngagementEvent, CurrentMemory>({
  table: 'current_memory',
  version: 1,
  row: CurrentMemory,
  key: ['object'],
  streams: [ENGAGEMENT_STREAMS],
  verifyChain: true,
  keys(event) {
    if (event.type === 'DisplayNumbersTaken') return []
    if (event.type !== 'EngagementVoided') return [event.data.object]
    const { engagement } = event.data
    return [itself(engagement), inductedSeed(engagement), inductedCycle(engagement)]
  },
  fold(row, event, about) {
    switch (event.type) {
      case 'EngagementOpened':
      case 'MemoryAdded':
      case 'MemoryRecorded':
        return born(event, about)
      case 'EngagementArchived':
        return row && { ...row, version: event.data.objectVersion, payload: { ...row.payload, state: 'archived' } }
      case 'EngagementVoided':
        return undefined
      case 'DisplayNumbersTaken':
        return row
      case 'MemoryCommitted':
        return row && { ...row, version: event.data.objectVersion, lifetime: 'Active', detail: {}, committed_at: about.at }
      case 'MemorySuperseded': {
        const { objectVersion, by, why } = event.data
        return row && { ...row, version: objectVersion, lifetime: 'Superseded', detail: plain({ by, why }) }
      }
      case 'MemoryRetracted': {
        const { objectVersion, reason, preservedIn, consent } = event.data
        return row && { ...row, version: objectVersion, lifetime: 'Retracted', detail: plain({ why: reason, preservedIn, consent }) }
      }
      default:
        return unreachable(event)
    }
  },
})

function born(event: BornEvent, { at, envelope }: AboutRow): CurrentMemory {
  const { data, actor, trust } = event
  const persona = data.binding.k === 'PersonalOnly' ? data.binding.persona : undefined
  const drafted = event.type === 'MemoryAdded'
  return {
    object: data.object,
    engagement: data.engagement,
    type: data.objectType,
    class: data.class,
    binding_kind: data.binding.k,
    persona_kind: persona?.kind ?? null,
    persona_id: persona?.id ?? null,
    version: data.objectVersion,
    lifetime: drafted ? 'Drafted' : 'Active',
    detail: drafted ? { review: 'held' } : {},
    payload: plain(event.type === 'EngagementOpened' ? openedPayload(event.data) : event.data.payload),
    sealed: envelope.sealed ?? null,
    content_event: envelope.id,
    trust,
    author: actor,
    ...refersTo(event),
    added_at: at,
    committed_at: drafted ? null : at,
  }
}

function refersTo(event: BornEvent): Pick<CurrentMemory, 'sources' | 'supersedes' | 'about' | 'valid_from' | 'valid_to'> {
  if (event.type === 'EngagementOpened') return { sources: [], supersedes: [], about: [], valid_from: null, valid_to: null }
  const { sources, supersedes, about, validFrom, validTo } = event.data
  return { sources, supersedes, about, valid_from: validFrom ?? null, valid_to: validTo ?? null }
}

function openedPayload({ state, visibility, number, owner, openedBy }: Extract<BornEvent, { type: 'EngagementOpened' }>['data']): object {
  return { state, visibility, number, owner, openedBy }
}

/** As JSON keeps it: what is absent is absent. */
function plain(value: object): CurrentMemory['payload'] {
  return JSON.parse(JSON.stringify(value)) as CurrentMemory['payload']
}
