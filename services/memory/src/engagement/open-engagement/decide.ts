// A new engagement is a candidate. Who opens it is its operator from this event on; a seed that comes along is its first draft.
import type { Actor, Decide, EngagementId, ObjectId } from '@loomworks/kernel'
import { refuse } from '../../errors.ts'
import type { EngagementEvent, EventOf, SeedPlain, SeedSealed } from '../events.ts'
import type { Engagement } from '../evolve.ts'
import type { Rights } from '../state.ts'
import { itself } from '../stream.ts'

export interface OpenEngagement {
  readonly engagement: EngagementId
  readonly title: string
  readonly visibility: 'private' | 'discoverable'
  readonly number: number
  readonly seed?: { readonly object: ObjectId; readonly plain: SeedPlain; readonly sealed: SeedSealed } | undefined
  readonly rights: Rights
}

type Opening = Parameters<Decide<OpenEngagement, Engagement, EngagementEvent>>[0]

export const openEngagement: Decide<OpenEngagement, Engagement, EngagementEvent> = (command, state) => {
  if (state.opened !== undefined || state.voided) throw refuse.engagement_not_found()
  return command.seed === undefined ? [opened(command)] : [opened(command), drafted(command, command.seed)]
}

function opened({ engagement, title, visibility, number, actor }: Opening): EventOf<'EngagementOpened'> {
  return {
    type: 'EngagementOpened',
    ...statedBy(actor),
    data: {
      engagement,
      object: itself(engagement),
      objectType: 'engagement',
      objectVersion: 1,
      class: 'operational',
      binding: { k: 'HatOnly', hat: engagement },
      state: 'candidate',
      visibility,
      number,
      openedBy: actor,
      seed: null,
    },
    sealed: { title },
  }
}

function drafted({ engagement, actor, rights }: Opening, { object, plain, sealed }: NonNullable<OpenEngagement['seed']>): EventOf<'MemoryAdded'> {
  return {
    type: 'MemoryAdded',
    ...statedBy(actor),
    data: {
      engagement,
      object,
      objectType: 'seed',
      objectVersion: 1,
      class: 'operational',
      binding: { k: 'PersonalOnly', persona: rights.persona },
      sources: [],
      supersedes: [],
      about: [],
      payload: { ...plain, seedVersion: 1 },
    },
    sealed,
  }
}

function statedBy(actor: Actor): Pick<EventOf<'EngagementOpened'>, 'actor' | 'trust'> {
  return { actor, trust: actor.kind === 'person' ? 'direct_user' : 'model_inference' }
}

/** A right that was given beforehand is a right in an engagement that is there. */
export function mayOpen(actor: Actor): actor is Extract<Actor, { kind: 'person' | 'companion' }> {
  return actor.kind === 'person' || (actor.kind === 'companion' && actor.approvalMode === 'explicit')
}
