// One command from load to append: the shape every write of a service has.
import { setTimeout as delay } from 'node:timers/promises'
import { type By, type Caller, type Clock, type Decide, type Envelope, type Fact, systemClock, Transient, timeOf, type WriteModel } from '@loomworks/kernel'
import { type Aggregate, catchUp, emptyAggregate, expectedOf, fold } from './aggregate.ts'
import { eventIdOf, newEvents, readEnvelope, type Sealer } from './envelopes.ts'
import type { Appended, Conflict, EventStore, Expected, NewEvent, Position } from './port.ts'
import { StreamQueues, WarmAggregates } from './warm.ts'

export interface HandleOptions {
  readonly clock?: Clock
  readonly sealer?: Sealer
  /** Most aggregates kept in memory between commands. */
  readonly warm?: number
}

export interface CommandOptions {
  /** `refuse` throws StreamConflict where somebody else wrote in between: for a caller who decided on what they have read. */
  readonly onConflict?: 'decide_again' | 'refuse'
}

export interface Handled<State> {
  /** As it stands after the command. It may be folded further by the next command: read it before you await anything. */
  readonly state: State
  /** Of the stream's last event; -1 where there is none. */
  readonly revision: bigint
  readonly position: Position | undefined
  /** What this call appended; nothing where the command changed nothing or was handled before. */
  readonly appended: readonly Envelope[]
}

export type Handle = <State, Event extends Fact, Command extends object>(
  model: WriteModel<State, Event>,
  id: string,
  decide: Decide<Command, State, Event>,
  command: Command,
  caller: Caller,
  options?: CommandOptions,
) => Promise<Handled<State>>

/** Somebody else appended to the stream since it was read. */
export class StreamConflict extends Transient {
  readonly stream: string
  /** Where the stream stands; absent when there is none. */
  readonly actual: bigint | undefined
  constructor(stream: string, actual: bigint | undefined) {
    super(`${stream} was changed by another command`)
    this.stream = stream
    this.actual = actual
  }
}

const MOST_TRIES = 8
const MOST_SENDS = 5
const WARM = 256

interface Order<State, Event extends Fact> {
  readonly stream: string
  readonly model: WriteModel<State, Event>
  readonly decide: (by: By, state: State) => readonly Event[]
  readonly caller: Caller
  readonly refuses: boolean
}

/** Load, decide, append with the expected revision; on a conflict read on and decide again (8 tries, jitter). */
export function handleOn(store: EventStore, { clock = systemClock, sealer, warm = WARM }: HandleOptions = {}): Handle {
  const kept = new WarmAggregates(warm)
  const queues = new StreamQueues()

  return (model, id, decide, command, caller, { onConflict } = {}) => {
    const stream = model.streamOf(id)
    const order = { stream, model, decide: decideOf(decide, command), caller, refuses: onConflict === 'refuse' }
    return queues.run(stream, () => run(order))
  }

  async function run<State, Event extends Fact>(order: Order<State, Event>): Promise<Handled<State>> {
    const { stream, model, caller } = order
    const remembered = kept.take<State>(stream, model)
    const aggregate = remembered ?? emptyAggregate(model)
    // A remembered state may lag behind the store: an append on it is judged by the store, a refusal on it means nothing.
    let current = false
    const refresh = async () => {
      await catchUp(store, stream, model, aggregate)
      current = true
    }
    if (remembered === undefined) await refresh()
    for (let tries = 1; ; ) {
      const at = timeOf(clock.now())
      const { facts, refusal } = decided(order, aggregate, at)
      if (facts.length === 0 && !current) {
        await refresh()
        continue
      }
      if (facts.length === 0) {
        if (remembered !== undefined && tries === 1) kept.put(stream, model, aggregate)
        if (refusal !== undefined) throw refusal.error
        return { ...seen(aggregate), appended: [] }
      }
      const events = await newEvents(stream, facts, { caller, at, head: aggregate.head, sealer })
      const { outcome, sends } = await sent(store, stream, events, expectedOf(aggregate))
      if (outcome.ok) {
        for (const event of events) fold(model, aggregate, event)
        aggregate.position = outcome.position
        if (tries === 1 && sends === 1 && isNew(caller)) kept.put(stream, model, aggregate)
        return { ...seen(aggregate), appended: events.map(readEnvelope) }
      }
      if (current && (order.refuses || ++tries > MOST_TRIES)) throw new StreamConflict(stream, outcome.actual)
      if (current) await delay(Math.random() * 2 ** tries)
      await refresh()
    }
  }
}

function decideOf<State, Event extends Fact, Command extends object>(decide: Decide<Command, State, Event>, command: Command) {
  return (by: By, state: State) => decide({ ...command, ...by }, state)
}

function seen<State>({ state, revision, position }: Aggregate<State>): Omit<Handled<State>, 'appended'> {
  return { state, revision, position }
}

interface Decision<Event> {
  readonly facts: readonly Event[]
  readonly refusal?: { readonly error: unknown }
}

/** A command whose first event is in the stream was handled: it decides nothing again. */
function decided<State, Event extends Fact>({ caller, decide }: Order<State, Event>, aggregate: Aggregate<State>, at: string): Decision<Event> {
  if (aggregate.ids.has(eventIdOf(caller, 0))) return { facts: [] }
  try {
    return { facts: decide({ actor: caller.actor, at, commandId: caller.commandId }, aggregate.state) }
  } catch (error) {
    return { facts: [], refusal: { error } }
  }
}

/** While the outcome is unknown the very same list is sent again after the same expectation, which settles it. */
async function sent(
  store: EventStore,
  stream: string,
  events: readonly NewEvent[],
  expected: Expected,
): Promise<{ outcome: Appended | Conflict; sends: number }> {
  for (let sends = 1; ; sends++) {
    try {
      return { outcome: await store.append(stream, events, expected), sends }
    } catch (error) {
      if (!(error instanceof Transient) || sends === MOST_SENDS) throw error
    }
    await delay(50 * 2 ** sends * (0.5 + Math.random() / 2))
  }
}

/** A UUIDv7 names a command that was made for this call. A derived id may be under way in another process at the same moment, and
 *  then the store may have answered for events that differ from ours in their time: such a state is not kept. */
function isNew({ commandId }: Caller): boolean {
  return commandId[14] === '7'
}
