// What exists in every deployment from the first start. Opened by whoever starts first; for all others it is there already.
import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { type EventStore, newEvents } from '@loomworks/event-store'
import { actorFromService, type Caller, type Clock, derivedId, type EngagementId, timeOf } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import type { EventOf } from '../events.ts'
import { itself, streamOf } from '../stream.ts'

type WellKnown = (typeof WELL_KNOWN_ENGAGEMENTS)[keyof typeof WELL_KNOWN_ENGAGEMENTS]

const BY = actorFromService('memory')

interface Opening {
  readonly eventStore: EventStore
  readonly clock: Clock
  /** Also the engagement of end-to-end tests. */
  readonly sandbox: boolean
}

/** Appends what is missing; an append that finds the stream there is no trouble. */
export async function openWellKnown({ eventStore, clock, sandbox: withSandbox }: Opening): Promise<void> {
  const { administrative, commons, sandbox } = WELL_KNOWN_ENGAGEMENTS
  for (const each of [administrative, commons, ...(withSandbox ? [sandbox] : [])]) {
    const events = await newEvents(streamOf(each.id), [wellKnownOpened(each)], { caller: opening(each.id), at: timeOf(clock.now()) })
    await eventStore.append(streamOf(each.id), events, 'no_stream')
  }
}

function wellKnownOpened({ id: engagement, number, visibility }: WellKnown): EventOf<'EngagementOpened'> {
  const binding = { k: 'HatOnly', hat: engagement } as const
  return {
    type: 'EngagementOpened',
    actor: BY,
    trust: 'tool_internal',
    data: {
      engagement,
      object: itself(engagement),
      objectType: 'engagement',
      objectVersion: 1,
      class: 'operational',
      binding,
      state: 'active',
      visibility,
      number,
      openedBy: BY,
      seed: null,
    },
  }
}

function opening(engagement: EngagementId): Caller {
  const commandId = derivedId<'command'>(engagement, 'open')
  return { actor: BY, commandId, correlationId: commandId, causationId: commandId, traceparent: childTrace() }
}
