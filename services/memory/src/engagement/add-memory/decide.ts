import { type Decide, derivedId, type EngagementId, type ObjectId, type PersonId, type Trust } from '@loomworks/kernel'
import { refuse } from '../../errors.ts'
import type { MemoryClass, Ref, Superseding } from '../../vocabulary.ts'
import type { AssertionPlain, AssertionSealed, EngagementEvent, EventOf, SeedPlain, SeedSealed } from '../events.ts'
import { type Engagement, isOf, personaKey } from '../evolve.ts'
import { committed, type Draft, lowestTrust, mayHoldSeed, type Rights, writableFor } from '../state.ts'

type Content =
  | { readonly type: 'assertion'; readonly plain: AssertionPlain; readonly sealed: AssertionSealed }
  | { readonly type: 'seed'; readonly plain: SeedPlain; readonly sealed: SeedSealed }

export type NewMemory = Content & {
  /** Place in the request: the object's id comes from it. */
  readonly n: number
  readonly class: MemoryClass
  readonly sources: readonly Ref[]
  readonly supersedes: readonly Superseding[]
  readonly about: readonly PersonId[]
  readonly validFrom?: string | undefined
  readonly validTo?: string | undefined
}

export interface AddMemory {
  readonly engagement: EngagementId
  readonly items: readonly NewMemory[]
  /** Make it count at once. */
  readonly commit: boolean
  readonly rights: Rights
  /** Trust of sources in other engagements that the caller may read. */
  readonly foreign: ReadonlyMap<string, Trust>
}

type Adding = Parameters<Decide<AddMemory, Engagement, EngagementEvent>>[0]

/** Unsettled drafts one persona may have in one engagement. */
export const HELD_QUOTA = 1000

/** Something is claimed: all items or none. It is held until somebody with authority commits it, or at once where they ask for it. */
export const addMemory: Decide<AddMemory, Engagement, EngagementEvent> = (command, state) => {
  const { owner } = writableFor(state, command.rights)
  for (const item of command.items) requireAddable(item, command, owner !== undefined)
  if (!command.commit && (state.held.get(personaKey(command.rights.persona)) ?? 0) + command.items.length > HELD_QUOTA) throw refuse.held_quota_exceeded()
  const counts = new Map(state.counts)
  const added = command.items.map((item) => {
    const place = (counts.get(item.type) ?? 0) + 1
    counts.set(item.type, place)
    return memoryAdded(item, { command, state, owner, place })
  })
  if (!command.commit) return added
  const drafts = added.map(draftOf)
  return [...added, ...committed(state, drafts, command)]
}

export function objectIdOf(commandId: string, n: number): ObjectId {
  return derivedId(commandId, 'object', n)
}

function requireAddable(item: NewMemory, { actor, engagement }: Adding, personal: boolean): void {
  if (actor.kind === 'agent' && item.class === 'personal') throw refuse.personal_needs_person()
  if (item.type !== 'seed') return
  if (!mayHoldSeed(engagement)) throw refuse.type_not_addable()
  if (personal && item.plain.shapeTypes.length + item.plain.renderTypes.length > 0) throw refuse.personal_memory_only()
}

interface Placing {
  readonly command: Adding
  readonly state: Engagement
  readonly owner: PersonId | undefined
  readonly place: number
}

function memoryAdded(item: NewMemory, placing: Placing): EventOf<'MemoryAdded'> {
  const { command, state, owner, place } = placing
  const { engagement, commandId, actor, rights } = command
  const { n, class: memoryClass, sources, about, validFrom, validTo } = item
  const supersedes = superseding(item, state, engagement)
  const trust = lowestTrust([channelTrust(item, command), ...sources.map((source) => sourceTrust(source, placing))])
  const unknown = supersedes.flatMap(({ ref }) => (ref.engagement === engagement && state.objects.has(ref.object) ? [] : [ref.object]))
  if (unknown.length > 0) throw refuse.sources_unknown({ unknown })
  const binding = { k: 'PersonalOnly', persona: rights.persona } as const
  const born = {
    engagement,
    object: objectIdOf(commandId, n),
    objectVersion: 1,
    class: memoryClass,
    binding,
    ...(owner !== undefined && { owner }),
    sources: [...sources],
    supersedes: [...supersedes],
    about: [...about],
    ...(validFrom !== undefined && { validFrom }),
    ...(validTo !== undefined && { validTo }),
  }
  const stated = { type: 'MemoryAdded', actor, trust, sealed: item.sealed } as const
  if (item.type === 'seed') return { ...stated, data: { ...born, objectType: 'seed', payload: { ...item.plain, seedVersion: place } } }
  return { ...stated, data: { ...born, objectType: 'assertion', payload: { ...item.plain, displayNumber: place } } }
}

/** A new seed always ends the one in force, whether it says so or not. */
function superseding({ type, supersedes }: NewMemory, { seed }: Engagement, engagement: EngagementId): readonly Superseding[] {
  if (type !== 'seed' || seed === undefined || supersedes.some(({ ref }) => ref.object === seed)) return supersedes
  return [...supersedes, { ref: { engagement, object: seed }, why: 'refined' }]
}

/** How far the way it came may be believed: an agent that names no source is not. */
function channelTrust({ sources }: NewMemory, { actor }: Adding): Trust {
  if (actor.kind === 'person') return 'direct_user'
  return actor.kind === 'agent' && sources.length === 0 ? 'untrusted' : 'model_inference'
}

function sourceTrust(source: Ref, { command, state }: Placing): Trust {
  const here = source.engagement === command.engagement ? state.objects.get(source.object) : undefined
  if (here !== undefined && (here.class === 'operational' || isOf(here.binding, command.rights.persona))) return here.trust
  const elsewhere = command.foreign.get(source.object)
  if (elsewhere === undefined) throw refuse.sources_unknown({ unknown: [source.object] })
  return elsewhere
}

function draftOf({ data, actor, trust }: EventOf<'MemoryAdded'>): Draft {
  const { object, objectType, objectVersion, class: memoryClass, binding, supersedes } = data
  return { id: object, type: objectType, version: objectVersion, class: memoryClass, binding, author: actor, trust, supersedes }
}
