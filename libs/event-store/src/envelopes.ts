// From facts to events and back: every event of every service carries the kernel's envelope, sealed where it holds free text and
// tied to what stands before it.
import {
  type Actor,
  type Caller,
  chained,
  derivedId,
  type Envelope,
  type Fact,
  GENESIS,
  type JsonObject,
  Terminal,
  type Time,
  type Trust,
  type Unchained,
} from '@loomworks/kernel'
import type { NewEvent } from './port.ts'

/** Turns the clear `sealed` of a fact into what is stored. Owned by the service that keeps the keys. */
export interface Sealer {
  seal(stream: string, event: Unsealed): Promise<JsonObject>
}

export interface Unsealed {
  readonly id: string
  readonly type: string
  readonly data: JsonObject
  readonly sealed: JsonObject
}

/** What surrounds the facts of one command. */
export interface Stating {
  readonly caller: Caller
  readonly at: Time
  /** Hash of the stream's last event; absent for a new stream. */
  readonly head?: string
  readonly sealer?: Sealer | undefined
}

/** The events of a command's facts, ready to be appended: ids UUIDv5(commandId, n), sealed, chained. Throws Terminal
 *  `event_store.no_sealer` where a fact holds free text and there is no sealer. */
export async function newEvents(stream: string, facts: readonly Fact[], { caller, at, head = GENESIS, sealer }: Stating): Promise<readonly NewEvent[]> {
  const open: Unchained[] = []
  for (const [n, fact] of facts.entries()) open.push(await sealedBy(sealer, stream, stated(fact, eventIdOf(caller, n), { caller, at })))
  return chained(open, head).map((envelope) => ({ id: envelope.id, type: envelope.type, body: { ...envelope } }))
}

/** The id of the n-th event of a command, from 0. */
export function eventIdOf({ commandId }: Pick<Caller, 'commandId'>, n: number): string {
  return derivedId(commandId, n)
}

function stated(fact: Fact, id: string, { caller, at }: { readonly caller: Caller; readonly at: Time }): Unchained {
  const actor = fact.actor ?? caller.actor
  const { correlationId, causationId, traceparent } = caller
  return plain({
    id,
    type: fact.type,
    v: fact.v ?? 1,
    at,
    actor,
    correlationId,
    causationId,
    traceparent,
    sources: fact.sources ?? [],
    trust: fact.trust ?? trustOf(actor),
    data: fact.data,
    ...(fact.sealed && { sealed: fact.sealed }),
  })
}

/** What JSON makes of a value is what is hashed, so that the hash holds for what is read back. */
function plain(value: object): Unchained {
  return JSON.parse(JSON.stringify(value)) as Unchained
}

/** What somebody of this kind says on their own may be believed so far. */
function trustOf({ kind }: Actor): Trust {
  if (kind === 'person') return 'direct_user'
  return kind === 'service' ? 'tool_internal' : 'model_inference'
}

async function sealedBy(sealer: Sealer | undefined, stream: string, event: Unchained): Promise<Unchained> {
  const { id, type, data, sealed } = event
  if (sealed === undefined) return event
  if (sealer === undefined) throw new Terminal('event_store.no_sealer', `${type} holds text to be sealed, and nothing here can seal it`)
  return { ...event, sealed: await sealer.seal(stream, { id, type, data, sealed }) } as Unchained
}

/** The envelope in an event. A full parse would cost more than the fold, and the store holds only what we wrote: what is checked
 *  is that the event and its envelope belong together. Throws Terminal `event_store.foreign_event`. */
export function readEnvelope({ id, type, body }: NewEvent): Envelope {
  const { hash, prevHash, data } = body
  if (body.id !== id || body.type !== type || typeof hash !== 'string' || typeof prevHash !== 'string' || typeof data !== 'object')
    throw new Terminal('event_store.foreign_event', `event ${id} of type ${type} does not carry its envelope`)
  return body as unknown as Envelope
}
