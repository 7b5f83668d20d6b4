// The envelope that every stream event of every service carries, and the hash chain over a stream's envelopes.
import { z } from 'zod'
import { Actor } from './actor.ts'
import { sha256 } from './hash.ts'
import { canonicalJson, type JsonObject } from './json.ts'

/** How far content may be believed, falling: a person's own write, an engine rule, a model or the Companion, the outside. */
export const Trust = z.enum(['direct_user', 'tool_internal', 'model_inference', 'untrusted'])
export type Trust = z.output<typeof Trust>

export const Traceparent = z.string().regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
export const GENESIS = '0'.repeat(64)

/** Names an event by its stream and id. */
export const EventRef = z.strictObject({ stream: z.string(), eventId: z.string() })
export type EventRef = Readonly<z.output<typeof EventRef>>

export const Envelope = z.strictObject({
  id: z.string(),
  type: z.string().min(1),
  v: z.int().min(1),
  at: z.string(),
  actor: Actor,
  correlationId: z.string(),
  causationId: z.string(),
  traceparent: Traceparent,
  sources: z.array(EventRef),
  trust: Trust,
  data: z.record(z.string(), z.json()),
  sealed: z.record(z.string(), z.json()).optional(),
  attestation: z.record(z.string(), z.json()).optional(),
  prevHash: z.string().length(64),
  hash: z.string().length(64),
})
export type Envelope = Readonly<z.output<typeof Envelope>>
export type Unchained = Omit<Envelope, 'prevHash' | 'hash'>

/** Ties events to what stands before them: `hash` = SHA-256 of the canonical envelope without `hash`. The chain is over what
 *  is stored (ciphertext included), so it still verifies after a key is destroyed. */
export function chained(events: readonly Unchained[], head: string): readonly Envelope[] {
  let prevHash = head
  return events.map((event) => {
    const linked = { ...event, prevHash }
    prevHash = envelopeHash(linked)
    return { ...linked, hash: prevHash }
  })
}

/** The hash of an envelope, computed from all its other members. */
export function envelopeHash({ hash: _hash, ...rest }: Omit<Envelope, 'hash'> & { readonly hash?: string }): string {
  return sha256(canonicalJson(rest as unknown as JsonObject))
}
