// The publisher: every event of every stream leaves as a fact for audit, through outbox rows in one transaction with the checkpoint.
// What belongs to a personal engagement waits at its gate until its person is active; a void discards it, keys and all.
import { enqueue, type OutboxRow, outboxRowOf, type Stating } from '@loomworks/bus'
import { EngagementOpened, EngagementStateChanged, MemoryEventRecorded, type Priority } from '@loomworks/contracts'
import type { PersonId } from '@loomworks/kernel'
import { batchProjection, type Projected, type Projection } from '@loomworks/projections'
import type { Tx } from '@loomworks/sql'
import { z } from 'zod'
import type { EngagementEvent, EventOf } from '../engagement/events.ts'
import { ENGAGEMENT_STREAMS } from '../engagement/stream.ts'
import { identifierOf } from '../identifiers.ts'
import type { MemoryParts } from '../parts.ts'
import { discard, type Gate, gatesOf, type Held, hold, makeGates } from './gates.ts'

type Feeding = Pick<MemoryParts, 'keyring' | 'relay'>

export function auditFeed(parts: Feeding): Projection {
  return batchProjection<EngagementEvent>({
    name: 'audit_feed_v1',
    streams: [ENGAGEMENT_STREAMS],
    verifyChain: true,
    apply: (tx, events, schema) => publish(tx, schema, { events, parts }),
  })
}

interface Batch {
  readonly events: readonly Projected<EngagementEvent>[]
  readonly parts: Feeding
}

async function publish(tx: Tx, schema: string, { events, parts }: Batch): Promise<void> {
  const voided = events.flatMap(({ event }) => (event.type === 'EngagementVoided' ? [event.data] : []))
  await makeGates(tx, personalOpenings(events), voided)
  const gates = await gatesOf(tx, [...new Set(events.map(({ event }) => event.data.engagement))].sort())
  for (const { engagement, owner } of voided) {
    await discard(tx, engagement)
    await parts.keyring.end(tx, owner)
  }
  const { free, held } = sorted(events, gates)
  await hold(tx, held)
  await enqueue(tx, schema, free)
  if (free.length > 0) parts.relay.wakeAfter(tx)
}

function personalOpenings(events: Batch['events']): readonly { readonly engagement: string; readonly owner: string }[] {
  return events.flatMap(({ event }) => {
    const owner = event.type === 'EngagementOpened' ? event.data.owner : undefined
    return owner === undefined ? [] : [{ engagement: event.data.engagement, owner }]
  })
}

/** What may leave now, and what waits, each in the order of the log. */
function sorted(events: Batch['events'], gates: ReadonlyMap<string, Gate>): { free: readonly OutboxRow[]; held: readonly Held[] } {
  const free: OutboxRow[] = []
  const held: Held[] = []
  for (const each of events) {
    const { engagement } = each.event.data
    const gate = gates.get(engagement)
    if (gate?.state === 'void') continue
    const messages = messagesOf(each, gate?.owner)
    if (gate?.state === 'held') held.push(...messages.map((message) => ({ engagement, position: each.position, message })))
    else free.push(...messages)
  }
  return { free, held }
}

function messagesOf(each: Projected<EngagementEvent>, owner: PersonId | undefined): readonly OutboxRow[] {
  const { event } = each
  const recorded = recordedOf(each, owner)
  if (owner !== undefined) return [recorded]
  if (event.type === 'EngagementOpened') return [openedOf(each, event), recorded]
  return event.type === 'EngagementArchived' ? [stateChangedOf(each, event), recorded] : [recorded]
}

/** Every event of a stream is published, so what stands before it is the event before it. */
function recordedOf(each: Projected<EngagementEvent>, owner: PersonId | undefined): OutboxRow {
  const { event, envelope, stream, position } = each
  const revision = Number(each.revision)
  const { object, objectType, objectVersion, class: memoryClass } = aboutOf(event)
  return outboxRowOf(
    {
      type: MemoryEventRecorded,
      cause: envelope.id,
      revision,
      ...(revision > 0 && { prevRevision: revision - 1 }),
      data: {
        eventId: envelope.id,
        stream,
        revision,
        position,
        type: event.type,
        engagement: event.data.engagement,
        ...(object !== undefined && { object, objectType, objectVersion }),
        ...(memoryClass !== undefined && { class: memoryClass }),
        ...(owner !== undefined && { personalOwner: owner }),
        actor: envelope.actor,
        correlationId: courseOf(envelope),
        at: envelope.at,
        hash: envelope.hash,
        prevHash: envelope.prevHash,
        priority: priorityOf(event),
      },
    },
    statingOf(each),
  )
}

type AboutObject = Partial<Pick<EventOf<'MemoryAdded'>['data'], 'object' | 'objectVersion' | 'class'>> & {
  objectType?: EventOf<'MemoryRetracted'>['data']['objectType']
}

function aboutOf(event: EngagementEvent): AboutObject {
  return event.type === 'EngagementVoided' || event.type === 'DisplayNumbersTaken' ? {} : event.data
}

function openedOf(each: Projected<EngagementEvent>, { data }: EventOf<'EngagementOpened'>): OutboxRow {
  const { engagement, visibility, number, openedBy } = data
  if (visibility === 'personal' || number === undefined) throw new Error(`${engagement} is shared and has no number`)
  return outboxRowOf(
    {
      type: EngagementOpened,
      cause: each.envelope.id,
      revision: Number(each.revision),
      data: { engagement, visibility, displayIdentifier: identifierOf(number), openedBy },
    },
    statingOf(each),
  )
}

function stateChangedOf(each: Projected<EngagementEvent>, { data }: EventOf<'EngagementArchived'>): OutboxRow {
  return outboxRowOf(
    { type: EngagementStateChanged, cause: each.envelope.id, revision: Number(each.revision), data: { engagement: data.engagement, state: 'archived' } },
    statingOf(each),
  )
}

function statingOf({ at, actor, envelope }: Projected<EngagementEvent>): Stating {
  const { traceparent, id } = envelope
  return { at, actor, correlationId: courseOf(envelope), causationId: id, traceparent }
}

/** The course of events this belongs to; a name that is no id never leaves. */
function courseOf({ correlationId, id }: { readonly correlationId: string; readonly id: string }): string {
  return z.guid().safeParse(correlationId).success ? correlationId : id
}

/** The longest wait for a signed checkpoint in audit. */
function priorityOf({ type }: EngagementEvent): Priority {
  return STANDARD.has(type) ? 'standard' : 'high'
}

const STANDARD: ReadonlySet<EngagementEvent['type']> = new Set(['MemoryAdded', 'MemoryRecorded', 'MemorySuperseded', 'DisplayNumbersTaken'])
