// An integration event as the record it becomes: who took part, in a fixed order, then what happened.
import type { BusEvent } from '@loomworks/contracts'
import { type Actor, derivedId, type ServiceName, Terminal, type Time } from '@loomworks/kernel'
import { type Mapped, mapped, type Participant, partyRef } from './mapping.ts'
import { type Body, type Draft, grammarFaults, type Head, type Who } from './record.ts'
import { CLASS_OF, ownerOfActor } from './vocabulary.ts'

export interface Incoming {
  readonly event: BusEvent
  /** The event's data, parsed by its contract. */
  readonly data: unknown
  /** Of the message that carried it first; repeats have the same. */
  readonly messageId: string
  /** Taken from the subject, which the bus checks, never from the body. */
  readonly service: ServiceName
  readonly recordedAt: Time
}

/** The record of an event, or undefined where the contracts say that it makes none. Terminal `schema` when it breaks the grammar. */
export function draftOf(incoming: Incoming): Draft | undefined {
  const map = mapped(incoming.event, incoming.data)
  if (map === undefined) return undefined
  const whos = [actorPart(incoming.event.actor), ...map.others.filter(({ id }) => id !== incoming.event.actor.id).map(participantPart)]
  const draft = { head: headOf(incoming, map), parts: [...whos, whatPart(incoming, map, whos)] }
  const faults = grammarFaults(draft)
  if (faults.length > 0) throw new Terminal('schema', `${incoming.event.type} makes no record: ${faults.join('; ')}`)
  return draft
}

function headOf({ event, messageId, service, recordedAt }: Incoming, { type, fact, priority }: Mapped): Head {
  const { actor, at } = event
  return {
    v: 1,
    id: derivedId(messageId, 'record'),
    service,
    class: CLASS_OF[type],
    type,
    fact,
    priority,
    actor_kind: actor.kind,
    ...(actor.kind === 'companion' && { approval_mode: actor.approvalMode }),
    occurred_at: at,
    recorded_at: recordedAt,
  }
}

function actorPart(actor: Actor): Body & { readonly body: Who } {
  return {
    owner: { ...ownerOfActor(actor) },
    body: {
      who: {
        role: 'actor',
        kind: actor.kind,
        id: actor.id,
        ...(actor.kind === 'companion' && actor.capabilityRef !== undefined && { capability_ref: actor.capabilityRef }),
        ...(actor.kind === 'agent' && { instruction_version: actor.instructionVersion }),
      },
    } as Who,
  }
}

function participantPart({ role, kind, id }: Participant): Body & { readonly body: Who } {
  const owner = kind === 'person' || kind === 'companion' ? ({ k: 'person', id } as const) : ({ k: 'deployment' } as const)
  return { owner, body: { who: { role, kind, id } } as Who } as Body & { readonly body: Who }
}

function whatPart({ event, messageId }: Incoming, map: Mapped, whos: readonly { readonly body: Who }[]): Body {
  const parties = whos.map(({ body }) => ({ id: body.who.id }))
  const values = map.values?.map(({ from, to, ...line }) => ({ ...line, from: partyRef(from, parties), to: partyRef(to, parties) }))
  return {
    owner: map.owner,
    body: {
      what: {
        tx: map.tx ?? messageId,
        source: { event_id: messageId, message_id: messageId, ...(event.revision !== undefined && { revision: event.revision }), ...map.source },
        correlation_id: event.correlationId,
        causation_id: event.causationId,
        traceparent: event.traceparent,
        ...map.about,
        ...(event.attestationDigest !== undefined && { attestation_digest: event.attestationDigest }),
        ...(values && { values }),
        data: map.data,
      },
    },
  } as Body
}
