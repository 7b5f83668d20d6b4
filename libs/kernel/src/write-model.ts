import type { Actor } from './actor.ts'
import type { Time } from './clock.ts'
import type { Trust } from './envelope.ts'
import type { CommandId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** What a decision returns: a fact without its envelope. `sealed` is clear text here and ciphertext once stored. */
export interface Fact {
  readonly type: string
  /** Version of the event's schema; 1 where it is not said. */
  readonly v?: number
  readonly data: object
  readonly sealed?: JsonObject
  readonly sources?: readonly { readonly stream: string; readonly eventId: string }[]
  readonly trust?: Trust
  /** Who states this fact, where it is not the caller of the command. */
  readonly actor?: Actor
}

/** A write model: one stream, folded. One stream is one consistency boundary. */
export interface WriteModel<State, Event extends Fact> {
  readonly streamOf: (id: string) => string
  readonly initial: () => State
  readonly evolve: (state: State, event: Event) => State
}

/** What `handle` adds to every command: who asks, when, and under which command id. */
export interface By {
  readonly actor: Actor
  readonly at: Time
  readonly commandId: CommandId
}

/** Guards, then facts. Throws a refusal of the service's catalogue; what is already true gives no events. Pure. */
export type Decide<Command, State, Event extends Fact> = (command: Command & By, state: State) => readonly Event[]

/** A pure process: a cause goes in, facts come out, and the state says which messages are outstanding. */
export interface Workflow<State, Cause, Event, Message> {
  readonly decide: (state: State, cause: Cause) => readonly Event[]
  readonly evolve: (state: State | undefined, event: Event) => State
  readonly outstanding: (state: State) => readonly Message[]
}

/** On whose behalf a command runs, and what it belongs to: made by the edge (HTTP or bus), passed down unchanged. */
export interface Caller {
  readonly actor: Actor
  readonly commandId: CommandId
  readonly correlationId: string
  readonly causationId: string
  readonly traceparent: string
}
