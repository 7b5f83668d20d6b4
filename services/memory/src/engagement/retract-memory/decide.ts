import { type Decide, derivedId, type EngagementId, type EventRef } from '@loomworks/kernel'
import { refuse } from '../../errors.ts'
import type { Location, RetractionReason } from '../../vocabulary.ts'
import type { EngagementEvent, EventOf } from '../events.ts'
import { type Engagement, isOf, type MemoryObject } from '../evolve.ts'
import { openedFor, type Rights, seen, writableFor } from '../state.ts'
import { streamOf } from '../stream.ts'

export interface RetractMemory {
  readonly engagement: EngagementId
  readonly object: string
  readonly expectedVersion?: number | undefined
  readonly reason: RetractionReason
  /** Where its content stays; in the log where it is not said. */
  readonly preservedIn?: Location | undefined
  readonly rights: Rights
}

type Retracting = Parameters<Decide<RetractMemory, Engagement, EngagementEvent>>[0]

/** What was held true is so no longer; its content stays where it is said to. Whom it belongs to consents by giving the command
 *  themselves, and the consent is recorded before it in the same append. A draft needs none. */
export const retractMemory: Decide<RetractMemory, Engagement, EngagementEvent> = (command, state) => {
  const { object, expectedVersion, preservedIn, rights, actor } = command
  const { owner } = openedFor(state, rights)
  const found = seen(state, object, rights)
  if (stays(found, state)) throw refuse.type_not_retractable()
  if (found.lifetime.k === 'Retracted') throw refuse.wrong_state({ lifetime: found.lifetime.k })
  if (expectedVersion !== undefined && found.version !== expectedVersion) throw refuse.version_conflict({ currentVersion: found.version })
  if (preservedIn !== undefined && !isSame(preservedIn, found.content)) throw refuse.location_unreachable()
  const own = isOf(found.binding, rights.persona)
  // What is one's own can be taken back at any time; anybody else's only while there is work here.
  if (!own) writableFor(state, rights)
  if (found.lifetime.k === 'Drafted') {
    if (!own && !rights.commit) throw refuse.commit_authority_required()
    return [retracted(command, found, null)]
  }
  if (!own || actor.kind === 'companion') throw refuse.consent_required()
  const consent: EventRef = { stream: streamOf(command.engagement), eventId: derivedId(command.commandId, 0) }
  return [consented(command, found, owner), retracted(command, found, consent)]
}

/** Engagement, cycle and consent are acts; the seed in force is what the engagement is. */
function stays({ type, id }: MemoryObject, state: Engagement): boolean {
  return type === 'engagement' || type === 'seed_induction_loop_cycle' || type === 'consent' || id === state.seed
}

function isSame(a: Location, b: Location): boolean {
  return a.event.stream === b.event.stream && a.event.eventId === b.event.eventId && a.hash === b.hash
}

function retracted({ engagement, reason, actor }: Retracting, found: MemoryObject, consent: EventRef | null): EventOf<'MemoryRetracted'> {
  const { id, type, version, content, trust } = found
  const data = { engagement, object: id, objectType: type, objectVersion: version + 1, reason, preservedIn: content, consent }
  return { type: 'MemoryRetracted', actor, trust, data }
}

function consented(command: Retracting, found: MemoryObject, owner: EventOf<'MemoryRecorded'>['data']['owner']): EventOf<'MemoryRecorded'> {
  const { engagement, commandId, actor, at, rights } = command
  const target = [{ engagement, object: found.id, version: found.version }]
  const payload = { by: rights.persona, decision: 'granted', covers: 'retract', target, method: 'session', at } as const
  return {
    type: 'MemoryRecorded',
    actor,
    trust: actor.kind === 'person' ? 'direct_user' : 'model_inference',
    data: {
      engagement,
      object: derivedId(commandId, 'object', 0),
      objectType: 'consent',
      objectVersion: 1,
      class: 'operational',
      binding: { k: 'PersonalOnly', persona: rights.persona },
      ...(owner !== undefined && { owner }),
      sources: [],
      supersedes: [],
      about: [],
      payload,
    },
  }
}
