// Words of the stories that the decisions' tests tell: who acts, and what has happened.
import { type Actor, type AgentId, actorFromPerson, derivedId, type EngagementId, type Id, type ObjectId, type PersonId, type Trust } from '@loomworks/kernel'
import type { MemoryClass, Persona, RetractionReason, Superseding } from '../vocabulary.ts'
import type { EngagementEvent, EventOf } from './events.ts'
import { personaOf } from './evolve.ts'
import type { Rights } from './state.ts'
import { itself, streamOf } from './stream.ts'

const named = <K extends string>(name: string): Id<K> => derivedId('00000000-0000-0000-0000-00000000cafe', name)

export const HERE: EngagementId = named('here')
export const ada: Actor = actorFromPerson(named<'person'>('ada') as PersonId)
export const bob: Actor = actorFromPerson(named<'person'>('bob') as PersonId)
export const scribe: Actor = { kind: 'agent', id: named<'agent'>('scribe') as AgentId, instructionVersion: 3 }
export const clerk: Actor = { kind: 'agent', id: named<'agent'>('clerk') as AgentId, instructionVersion: 1 }
export const iris: Actor = { kind: 'companion', id: ada.id as PersonId, approvalMode: 'explicit' }
export const irisAlone: Actor = {
  kind: 'companion',
  id: ada.id as PersonId,
  approvalMode: 'pre_authorized',
  capabilityRef: `membership:${named('membership')}`,
}

export function object(name: string): ObjectId {
  return named(name)
}

/** What somebody may do: an operator where it is said. */
export function rightsOf(actor: Actor, { commit = false }: { commit?: boolean } = {}): Rights {
  const personally = actor.kind === 'person' || (actor.kind === 'companion' && actor.approvalMode === 'explicit')
  return { persona: persona(actor), commit, personally }
}

export function persona(actor: Actor): Persona {
  const found = personaOf(actor)
  if (found === undefined) throw new Error('a service has no persona')
  return found
}

export function opened(by: Actor = ada, extra: Partial<EventOf<'EngagementOpened'>['data']> = {}): EventOf<'EngagementOpened'> {
  const data = { engagement: HERE, object: itself(HERE), objectType: 'engagement', objectVersion: 1, class: 'operational', openedBy: by, seed: null } as const
  const shared = { state: 'active', visibility: 'private', number: 1000, binding: { k: 'HatOnly', hat: HERE } } as const
  return { type: 'EngagementOpened', actor: by, trust: 'direct_user', ...stored('opened'), data: { ...data, ...shared, ...extra } }
}

export function openedFor(owner: Actor): EventOf<'EngagementOpened'> {
  const own = { visibility: 'personal', number: undefined, owner: owner.id as PersonId, binding: { k: 'PersonalOnly', persona: persona(owner) } } as const
  return opened(clerk, own)
}

export function voided(owner: Actor = ada): EventOf<'EngagementVoided'> {
  return { type: 'EngagementVoided', actor: { kind: 'service', id: 'memory' }, trust: 'tool_internal', data: { engagement: HERE, owner: owner.id as PersonId } }
}

export function archived(by: Actor = ada, version = 2): EventOf<'EngagementArchived'> {
  const data = { engagement: HERE, object: itself(HERE), objectType: 'engagement', objectVersion: version } as const
  return { type: 'EngagementArchived', actor: by, trust: 'direct_user', data }
}

export interface Told {
  readonly class?: MemoryClass
  readonly supersedes?: readonly Superseding[]
  readonly trust?: Trust
}

const NOTHING = { sources: [], supersedes: [], about: [] }

export function added(
  name: string,
  by: Actor,
  { class: memoryClass = 'operational', supersedes = [], trust = 'direct_user' }: Told = {},
): EventOf<'MemoryAdded'> {
  const born = { ...about(name), objectVersion: 1, class: memoryClass, binding: { k: 'PersonalOnly', persona: persona(by) } } as const
  const payload = { kind: 'fact', displayNumber: 1 } as const
  return {
    type: 'MemoryAdded',
    actor: by,
    trust,
    ...stored(name),
    data: { ...born, ...NOTHING, supersedes: [...supersedes], objectType: 'assertion', payload },
  }
}

export function seedRecorded(name: string, by: Actor): EventOf<'MemoryRecorded'> {
  const born = { ...about(name), objectVersion: 1, class: 'operational', binding: { k: 'PersonalOnly', persona: persona(by) } } as const
  const payload = { seedVersion: 1, initialContributors: [], initialAgents: [], shapeTypes: [], renderTypes: [] }
  return { type: 'MemoryRecorded', actor: by, trust: 'tool_internal', ...stored(name), data: { ...born, ...NOTHING, objectType: 'seed', payload } }
}

export function seedAdded(name: string, by: Actor, supersedes: readonly Superseding[] = []): EventOf<'MemoryAdded'> {
  const { data } = seedRecorded(name, by)
  if (data.objectType !== 'seed') throw new Error('a seed is a seed')
  return { type: 'MemoryAdded', actor: by, trust: 'direct_user', ...stored(name), data: { ...data, supersedes: [...supersedes] } }
}

export function committed(name: string, by: Actor, extra: { version?: number; type?: 'seed' | 'assertion'; trust?: Trust } = {}): EventOf<'MemoryCommitted'> {
  const { version = 2, type = 'assertion', trust = 'direct_user' } = extra
  return { type: 'MemoryCommitted', actor: by, trust, data: { ...about(name), objectType: type, objectVersion: version } }
}

export function superseded(
  name: string,
  by: Actor,
  successor: string,
  extra: { version?: number; type?: 'seed' | 'assertion' } = {},
): EventOf<'MemorySuperseded'> {
  const { version = 3, type = 'assertion' } = extra
  const data = { ...about(name), objectType: type, objectVersion: version, by: about(successor), why: 'refined' } as const
  return { type: 'MemorySuperseded', actor: by, trust: 'direct_user', data }
}

export function retracted(name: string, by: Actor, extra: { version: number; consent: string | null; reason?: RetractionReason }): EventOf<'MemoryRetracted'> {
  const { version, consent, reason = 'mistaken' } = extra
  const preservedIn = { k: 'log', event: { stream: streamOf(HERE), eventId: stored(name).id }, hash: stored(name).hash } as const
  const named = consent === null ? null : { stream: streamOf(HERE), eventId: consent }
  const data = { ...about(name), objectType: 'assertion', objectVersion: version, reason, preservedIn, consent: named } as const
  return { type: 'MemoryRetracted', actor: by, trust: 'direct_user', data }
}

export const supersedes = (name: string): Superseding => ({ ref: about(name), why: 'refined' })

export function about(name: string): { engagement: EngagementId; object: ObjectId } {
  return { engagement: HERE, object: object(name) }
}

/** Id and hash of the event a name was born with, as the store gives them. */
export function stored(name: string): { readonly id: string; readonly hash: string } {
  return { id: named(`event of ${name}`), hash: Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64) }
}

export type Story = readonly EngagementEvent[]
