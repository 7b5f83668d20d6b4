// The shape of a published message type: a name, a version and a schema. It is never changed, only superseded: a new version
// with an upcaster from the one before, and a golden sample of each.
import type { JsonObject } from '@loomworks/kernel'
import type { z } from 'zod'
import type { Priority } from './sets.ts'

export interface EventType<Name extends string = string, S extends z.ZodType = z.ZodType> {
  readonly kind: 'event'
  readonly service: string
  readonly name: Name
  readonly v: number
  readonly schema: S
  /** Longest wait for a signed checkpoint in audit; absent where audit does not record it. */
  readonly priority?: Priority
  /** Which member of the data names the entity whose order counts. */
  entity(data: z.output<S>): string
  /** Lifts the data of the version before to this one; absent at version 1. */
  upcast?(previous: unknown): unknown
  /** One example of this version, kept for ever. */
  readonly sample: z.input<S>
}

/** An integration event: `evt.<service>.<lane>.<entityId>.<Name>`. */
export function integrationEvent<const Name extends string, S extends z.ZodType>(
  service: string,
  name: Name,
  definition: Omit<EventType<Name, S>, 'kind' | 'service' | 'name' | 'v'> & { v?: number },
): EventType<Name, S> {
  return { kind: 'event', service, name, v: 1, ...definition }
}

/** What a message holds: an object of JSON. */
type Payload = z.ZodType<JsonObject>

export interface StepMessage<Do extends Payload = Payload, Done extends Payload = Payload, Undo extends Payload = Payload> {
  readonly kind: 'step'
  /** The participant that executes it, and the step's token on the wire. */
  readonly service: string
  readonly step: string
  readonly v: number
  readonly do: Do
  readonly done: Done
  /** Absent after the pivot: nothing is undone there. */
  readonly undo?: Undo
  /** The business failures this step may answer, with the HTTP status each means to the client. */
  readonly fails: Readonly<Record<string, number>>
  readonly sample: { readonly do: z.input<Do>; readonly done: z.input<Done>; readonly undo?: z.input<Undo> }
}

/** A saga step's messages: what is ordered, what is answered, what takes it back. */
export function stepMessage<Do extends Payload, Done extends Payload, Undo extends Payload>(
  definition: Omit<StepMessage<Do, Done, Undo>, 'kind' | 'v'> & { v?: number },
): StepMessage<Do, Done, Undo> {
  return { kind: 'step', v: 1, ...definition }
}
