// Saga events as the event store holds them, and back. Ids and bytes follow from the stream and the cause alone.
import { type EventStore, type NewEvent, readEnvelope } from '@loomworks/event-store'
import { type Actor, actorFromService, chained, derivedId, type Envelope, GENESIS, type SagaId, Terminal, type Unchained } from '@loomworks/kernel'
import type { AnySaga } from './definition.ts'
import { type SagaEvent, SagaFact } from './events.ts'
import { evolve } from './evolve.ts'
import type { Thread } from './outstanding.ts'
import type { SagaState } from './state.ts'

/** A saga as this process knows it, up to a revision. */
export interface Saga extends Thread {
  readonly sagaId: SagaId
  readonly definition: AnySaga
  readonly state: SagaState
  readonly revision: bigint
  /** Hash of the last event. */
  readonly hash: string
}

export interface Recording extends Thread {
  readonly sagaId: SagaId
  /** Revision of the last event there is; -1n where there is none. */
  readonly revision: bigint
  readonly hash: string
  /** Who asked for the saga, or acted on it; what the host itself decides is the host's. */
  readonly actor: Actor
}

const HOST = actorFromService('identity')

/** Event id = UUIDv5(sagaId, expectedRevision / causationId / index): two hosts that decide different things at one revision
 *  conflict, two that decide the same do not. */
export function recorded(events: readonly SagaEvent[], { sagaId, revision, hash, actor, correlationId, traceparent }: Recording): readonly Envelope[] {
  const open = events.map((event, index): Unchained => {
    const id = derivedId(sagaId, `${revision}/${event.causationId}/${index}`)
    const by = event.type === 'SagaRequested' || event.type === 'OperatorActed' ? actor : HOST
    const { type, at, causationId, data } = event
    return { id, type, v: 1, at, actor: by, correlationId, causationId, traceparent, sources: [], trust: 'tool_internal', data: plain(data) }
  })
  return chained(open, hash)
}

export function newEventsOf(envelopes: readonly Envelope[]): readonly NewEvent[] {
  return envelopes.map((envelope) => ({ id: envelope.id, type: envelope.type, body: { ...envelope } }))
}

/** What JSON makes of the data is what is hashed. */
function plain(data: object): Envelope['data'] {
  return JSON.parse(JSON.stringify(data)) as Envelope['data']
}

export function streamOf(definition: AnySaga, sagaId: string): string {
  return `${definition.streamPrefix}${sagaId}`
}

/** Reads a saga to its end; undefined where its stream does not exist. Terminal `saga.version_missing` where no definition fits. */
export async function readSaga(store: EventStore, definitions: readonly AnySaga[], stream: string, sagaId: SagaId): Promise<Saga | undefined> {
  let saga: Saga | undefined
  for await (const event of store.readStream(stream)) {
    const envelope = readEnvelope(event)
    const fact = sagaEventOf(envelope)
    const definition = saga?.definition ?? definitionOf(definitions, fact)
    const { correlationId, traceparent } = saga ?? envelope
    saga = {
      sagaId,
      definition,
      correlationId,
      traceparent,
      state: evolve(definition, sagaId, saga?.state, fact),
      revision: event.revision,
      hash: envelope.hash,
    }
  }
  return saga
}

/** The store holds only what a host wrote, and a full parse would cost more than the fold: what is checked is that the type is
 *  one of ours. */
export function sagaEventOf({ type, data, at, causationId }: Pick<Envelope, 'type' | 'data' | 'at' | 'causationId'>): SagaEvent {
  if (!TYPES.has(type)) throw new Terminal('saga.corrupt', `a saga stream holds a ${type}`)
  return { type, data, at, causationId } as unknown as SagaEvent
}

const TYPES: ReadonlySet<string> = new Set(SagaFact.options.map(({ shape }) => shape.type.value))

export function definitionOf(definitions: readonly AnySaga[], fact: SagaEvent): AnySaga {
  if (fact.type !== 'SagaRequested') throw new Terminal('saga.corrupt', `a saga stream begins with ${fact.type}`)
  const { definition: name, definitionVersion: version } = fact.data
  const found = definitions.find((each) => each.name === name && each.version === version)
  if (found === undefined) throw new Terminal('saga.version_missing', `This host has no ${name}@${version}.`)
  return found
}

/** The saga after events that were appended to it. */
export function grown(before: Omit<Saga, 'state'> & { readonly state?: SagaState }, events: readonly SagaEvent[], envelopes: readonly Envelope[]): Saga {
  const { sagaId, definition } = before
  let state = before.state
  for (const event of events) state = evolve(definition, sagaId, state, event)
  if (state === undefined) throw new Error('a saga without events')
  return { ...before, state, revision: before.revision + BigInt(events.length), hash: envelopes.at(-1)?.hash ?? GENESIS }
}
