// What is folded from an engagement's stream: enough to judge every command, and no text.
import type { EngagementState, Visibility } from '@loomworks/contracts'
import { type Actor, type ObjectId, type PersonId, type Trust, unreachable, type WriteModel } from '@loomworks/kernel'
import type { Binding, Lifetime, Location, MemoryClass, ObjectType, Persona, Superseding } from '../vocabulary.ts'
import type { BornEvent, EngagementEvent } from './events.ts'
import { streamOf } from './stream.ts'

export interface Engagement {
  readonly opened: Opened | undefined
  readonly voided: boolean
  /** The seed in force. */
  readonly seed: ObjectId | undefined
  readonly objects: Map<string, MemoryObject>
  /** Objects of each type so far: display numbers and seed versions come from here. */
  readonly counts: Map<string, number>
  /** Unsettled drafts by persona. */
  readonly held: Map<string, number>
  /** The last of the display numbers that were taken here: on the administrative engagement alone. */
  readonly numbersTaken: number
}

interface Opened {
  readonly state: EngagementState
  readonly visibility: Visibility
  readonly owner: PersonId | undefined
}

export interface MemoryObject {
  readonly id: ObjectId
  readonly type: ObjectType
  readonly version: number
  readonly class: MemoryClass
  readonly binding: Binding
  readonly author: Actor
  readonly trust: Trust
  readonly lifetime: Lifetime
  readonly supersedes: readonly Superseding[]
  /** Where its content stands in the log. */
  readonly content: Location
}

export const engagement: WriteModel<Engagement, EngagementEvent> = {
  streamOf,
  initial: () => ({ opened: undefined, voided: false, seed: undefined, objects: new Map(), counts: new Map(), held: new Map(), numbersTaken: 0 }),
  evolve,
}

function evolve(state: Engagement, event: EngagementEvent): Engagement {
  switch (event.type) {
    case 'EngagementOpened':
      bear(state, event, { k: 'Active' })
      return { ...state, opened: { state: event.data.state, visibility: event.data.visibility, owner: event.data.owner } }
    case 'EngagementArchived':
      moved(state, event.data, { k: 'Active' })
      return { ...state, opened: state.opened && { ...state.opened, state: 'archived' } }
    case 'EngagementVoided':
      return { ...state, voided: true }
    case 'DisplayNumbersTaken':
      return { ...state, numbersTaken: Math.max(state.numbersTaken, event.data.to) }
    case 'MemoryAdded':
      bear(state, event, { k: 'Drafted', review: 'held' })
      return state
    case 'MemoryRecorded':
      bear(state, event, { k: 'Active' })
      return event.data.objectType === 'seed' ? { ...state, seed: event.data.object } : state
    case 'MemoryCommitted':
      moved(state, event.data, { k: 'Active' })
      return event.data.objectType === 'seed' ? { ...state, seed: event.data.object } : state
    case 'MemorySuperseded':
      moved(state, event.data, { k: 'Superseded', by: event.data.by, why: event.data.why })
      return state
    case 'MemoryRetracted': {
      const { reason, preservedIn, consent } = event.data
      moved(state, event.data, { k: 'Retracted', why: reason, preservedIn, consent })
      return state
    }
    default:
      return unreachable(event)
  }
}

/** The fold owns its maps and changes them in place: a copy per event would make folding 10,000 events quadratic. */
function bear(state: Engagement, event: BornEvent, lifetime: Lifetime): void {
  const { data, actor, trust } = event
  const { object, objectType: type, objectVersion: version } = data
  const supersedes = event.type === 'EngagementOpened' ? [] : event.data.supersedes
  const content: Location = { k: 'log', event: { stream: streamOf(data.engagement), eventId: event.id ?? '' }, hash: event.hash ?? '' }
  state.objects.set(object, { id: object, type, version, class: data.class, binding: data.binding, author: actor, trust, lifetime, supersedes, content })
  state.counts.set(type, (state.counts.get(type) ?? 0) + 1)
  if (lifetime.k === 'Drafted') count(state, data.binding, 1)
}

function moved(state: Engagement, { object, objectVersion: version }: { object: string; objectVersion: number }, lifetime: Lifetime): void {
  const before = state.objects.get(object)
  if (before === undefined) throw new Error(`stream is corrupt: ${object} has no first event`)
  if (before.lifetime.k === 'Drafted') count(state, before.binding, -1)
  state.objects.set(object, { ...before, version, lifetime })
}

function count(state: Engagement, binding: Binding, by: number): void {
  if (binding.k !== 'PersonalOnly') return
  const persona = personaKey(binding.persona)
  state.held.set(persona, (state.held.get(persona) ?? 0) + by)
}

export function personaKey({ kind, id }: Persona): string {
  return `${kind}/${id}`
}

/** Whose memory somebody's writing becomes: a Companion's is its person's; a service has none. */
export function personaOf(actor: Actor): Persona | undefined {
  if (actor.kind === 'service') return undefined
  return { kind: actor.kind === 'agent' ? 'agent' : 'person', id: actor.id as Persona['id'] }
}

export function isOf(binding: Binding, persona: Persona | undefined): boolean {
  return binding.k === 'PersonalOnly' && persona !== undefined && personaKey(binding.persona) === personaKey(persona)
}
