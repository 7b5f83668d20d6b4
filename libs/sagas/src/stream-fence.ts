// A command against a stream fence: the stream that the do opens decides. The do appends to no stream, the undo ends it or stands
// alone in it, and a void anywhere in it refuses the do, however the append itself ended. The row is written afterwards as a cache.
import type { SagaCommand } from '@loomworks/contracts'
import { type EventStore, newEvents, readEnvelope, type Sealer, type StoredEvent } from '@loomworks/event-store'
import { actorFromService, type Caller, derivedId, type Fact, hashOf, type JsonObject, type ServiceName, Transient, timeOf } from '@loomworks/kernel'
import { type Answer, doneReply, errorAnswer, REFUSED, replayed, replayedUndo } from './answer.ts'
import type { Fence, StoredUndo } from './fence.ts'
import type { FenceKey } from './fence-table.ts'
import type { StepContext, StreamStep } from './step.ts'

/** The rows beside the streams: what the tool shows, and what finds a do that comes again with other data. */
export interface FenceCache {
  /** Keeps the fence; gives the row that was there before, in its newer state. */
  remember(key: FenceKey, fence: Fence): Promise<Fence | undefined>
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
}

const MOST_TRIES = 8

export function runStreamStep<Parts>(means: StreamMeans, each: StreamCommand<Parts>): Promise<Answer> {
  return each.command.dir === 'do' ? runDo(means, each) : runUndo(means, each)
}

async function runDo<Parts>(means: StreamMeans, each: StreamCommand<Parts>): Promise<Answer> {
  const { command, data, step, context } = each
  const stream = step.handlers.stream(data)
  const events = await stated(means, each, step.handlers.facts(data, context), undefined)
  await means.store.append(stream, events, 'no_stream')
  const stored = await readAll(means.store, stream)
  const voided = stored.find((event) => step.handlers.isVoid(event))
  if (voided !== undefined) return REFUSED
  const ours = stored.slice(0, events.length)
  if (ours.some((event, index) => event.id !== events[index]?.id)) return errorAnswer('saga.stream_taken')
  const reply = doneReply(step.message, step.handlers.done(data, ours) as JsonObject, { now: () => Date.parse(ours.at(-1)?.recordedAt ?? command.issuedAt) })
  const inputHash = hashOf(command.data)
  const before = await means.cache.remember(command, { state: 'done', inputHash, reply, undoReply: null })
  return before !== undefined && before.inputHash !== null && before.inputHash !== inputHash ? errorAnswer('saga.input_mismatch') : replayed(reply)
}

async function runUndo<Parts>(means: StreamMeans, each: StreamCommand<Parts>): Promise<Answer> {
  const undoReply = await voided(means, each)
  await means.cache.remember(each.command, { state: undoReply.effect === 'none' ? 'tombstone' : 'undone', inputHash: null, reply: null, undoReply })
  return replayedUndo(undoReply)
}

/** Ends the stream, or finds that it has ended. A do that comes in between is a conflict: it is read, and ended too. */
async function voided<Parts>(means: StreamMeans, each: StreamCommand<Parts>): Promise<StoredUndo> {
  const { data, step, context } = each
  const stream = step.handlers.stream(data)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const stored = await readAll(means.store, stream)
    const end = stored.find((event) => step.handlers.isVoid(event))
    if (end !== undefined) return { effect: end.revision === 0n ? 'none' : 'reversed', at: end.recordedAt }
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
