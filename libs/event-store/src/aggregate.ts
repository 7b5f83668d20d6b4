// A stream, folded: the state, and what the next append and a repeated command need to know. Folding is one pass over the
// events; a warm aggregate reads only what was appended since.
import { type Envelope, type Fact, GENESIS, type WriteModel } from '@loomworks/kernel'
import { readEnvelope } from './envelopes.ts'
import type { EventStore, Expected, NewEvent, Position } from './port.ts'

export interface Aggregate<State> {
  state: State
  /** Of the last event that was folded; -1 for none. */
  revision: bigint
  position: Position | undefined
  /** Hash of the last event. */
  head: string
  /** Ids of all events, by which a repeated command is known. */
  readonly ids: Set<string>
}

export function emptyAggregate<State, Event extends Fact>(model: WriteModel<State, Event>): Aggregate<State> {
  return { state: model.initial(), revision: -1n, position: undefined, head: GENESIS, ids: new Set() }
}

/** Folds what stands in the stream behind the aggregate. */
export async function catchUp<State, Event extends Fact>(
  store: EventStore,
  stream: string,
  model: WriteModel<State, Event>,
  aggregate: Aggregate<State>,
): Promise<void> {
  for await (const event of store.readStream(stream, { from: aggregate.revision + 1n })) {
    fold(model, aggregate, event)
    aggregate.position = event.position
  }
}

/** Folds one event. The model sees the envelope as it is stored: `sealed` is ciphertext there, so a state is made of plain data. */
export function fold<State, Event extends Fact>(model: WriteModel<State, Event>, aggregate: Aggregate<State>, event: NewEvent): void {
  const envelope = readEnvelope(event)
  aggregate.state = model.evolve(aggregate.state, eventOf<Event>(envelope))
  aggregate.revision += 1n
  aggregate.head = envelope.hash
  aggregate.ids.add(envelope.id)
}

export function expectedOf({ revision }: Pick<Aggregate<unknown>, 'revision'>): Expected {
  return revision < 0n ? 'no_stream' : revision
}

/** A service appends only events of its model to the model's streams. */
function eventOf<Event extends Fact>(envelope: Envelope): Event {
  return envelope as unknown as Event
}
