// A command against a stream fence: the stream that the do opens decides. The do appends to no stream, the undo ends it or stands
// alone in it, and a void anywhere in it refuses the do, however the append itself ended. The row is written afterwards as a cache.
import type { SagaCommand } from '@loomworks/contracts'
import { type EventStore, type NewEvent, newEvents, readEnvelope, type Sealer, type StoredEvent } from '@loomworks/event-store'
import { actorFromService, type Caller, derivedId, type Fact, hashOf, type JsonObject, type ServiceName, Transient, timeOf } from '@loomworks/kernel'
import { type Answer, doneReply, errorAnswer, REFUSED, replayed, replayedUndo } from './answer.ts'
import type { DeliveryNote, Noting } from './delivery-note.ts'
import type { Fence, StoredUndo } from './fence.ts'
import type { FenceKey } from './fence-table.ts'
import type { StepContext, StreamStep } from './step.ts'

/** The rows beside the streams: what the tool shows, and what finds a do that comes again with other data. */
export interface FenceCache {
  /** Keeps the fence, and notes the delivery; gives the row that was there before, in its newer state. */
  remember(key: FenceKey, fence: Fence, delivery: DeliveryNote): Promise<Fence | undefined>
  /** Notes a delivery that leaves the fence as it is. */
  note(delivery: DeliveryNote): Promise<void>
}

export interface StreamMeans {
  readonly store: EventStore
  readonly cache: FenceCache
  readonly service: ServiceName
  readonly sealer?: Sealer | undefined
}

export interface StreamCommand<Parts> {
  readonly command: SagaCommand
  readonly data: JsonObject
  readonly step: StreamStep<Parts>
  readonly context: StepContext<Parts>
  readonly note: Noting
}

const MOST_TRIES = 8

export function runStreamStep<Parts>(means: StreamMeans, each: StreamCommand<Parts>): Promise<Answer> {
  return each.command.dir === 'do' ? runDo(means, each) : runUndo(means, each)
}

async function runDo<Parts>(means: StreamMeans, each: StreamCommand<Parts>): Promise<Answer> {
  const { command, data, step, context, note } = each
  const stream = step.handlers.stream(data)
  const events = await stated(means, each, step.handlers.facts(data, context), undefined)
  await means.store.append(stream, events, 'no_stream')
  const stored = await readAll(means.store, stream)
  const ours = stored.slice(0, events.length)
  const early = whyNot(each, stored, events)
  if (early !== undefined) {
    await means.cache.note(note(early === REFUSED ? 'refused' : 'error', early.code))
    return early
  }
  const reply = doneReply(step.message, step.handlers.done(data, ours) as JsonObject, { now: () => Date.parse(ours.at(-1)?.recordedAt ?? command.issuedAt) })
  const inputHash = hashOf(command.data)
  const before = await means.cache.remember(command, { state: 'done', inputHash, reply, undoReply: null }, note('ok'))
  return before !== undefined && before.inputHash !== null && before.inputHash !== inputHash
    ? errorAnswer('saga.input_mismatch')
    : before === undefined
      ? replayed(reply)
      : { ...replayed(reply), repeated: true }
}

/** Refused where the stream has ended; an error where it is not ours; else nothing stands against it. */
function whyNot<Parts>({ step }: StreamCommand<Parts>, stored: readonly StoredEvent[], events: readonly NewEvent[]): Answer | undefined {
  if (stored.some((event) => step.handlers.isVoid(event))) return REFUSED
  return events.some((event, index) => event.id !== stored[index]?.id) ? errorAnswer('saga.stream_taken') : undefined
}

async function runUndo<Parts>(means: StreamMeans, each: StreamCommand<Parts>): Promise<Answer> {
  const { undoReply, wasThere } = await voided(means, each)
  const state = undoReply.effect === 'none' ? 'tombstone' : 'undone'
  await means.cache.remember(each.command, { state, inputHash: null, reply: null, undoReply }, each.note(wasThere ? 'duplicate' : 'ok'))
  return { ...replayedUndo(undoReply), ...(wasThere && { repeated: true as const }) }
}

/** Ends the stream, or finds that it has ended. A do that comes in between is a conflict: it is read, and ended too. */
async function voided<Parts>(means: StreamMeans, each: StreamCommand<Parts>): Promise<{ readonly undoReply: StoredUndo; readonly wasThere: boolean }> {
  const { data, step, context } = each
  const stream = step.handlers.stream(data)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const stored = await readAll(means.store, stream)
    const end = stored.find((event) => step.handlers.isVoid(event))
    if (end !== undefined) return { undoReply: { effect: end.revision === 0n ? 'none' : 'reversed', at: end.recordedAt }, wasThere: tries === 0 }
    const last = stored.at(-1)
    const events = await stated(means, each, [step.handlers.voidFact(data as never, context)], last)
    await means.store.append(stream, events, last?.revision ?? 'no_stream')
  }
  throw new Transient(`${stream} changes faster than it can be ended`)
}

async function readAll(store: EventStore, stream: string): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  for await (const event of store.readStream(stream)) events.push(event)
  return events
}

/** Ids follow from the saga and the step, so a repeat is the same list; a void's id also from where it stands. */
function stated<Parts>(
  { service, sealer }: StreamMeans,
  { command, context, data, step }: StreamCommand<Parts>,
  facts: readonly Fact[],
  last: StoredEvent | undefined,
) {
  const caller: Caller = {
    actor: actorFromService(service),
    commandId: derivedId(command.sagaId, command.step, command.dir, last === undefined ? '' : last.revision),
    correlationId: command.correlationId,
    causationId: command.id,
    traceparent: command.traceparent,
  }
  const head = last === undefined ? {} : { head: readEnvelope(last).hash }
  return newEvents(step.handlers.stream(data), facts, { caller, at: timeOf(context.clock.now()), sealer, ...head })
}
