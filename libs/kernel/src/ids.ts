// Ids are UUIDs made here, never by a database: version 7 where a new thing begins, version 5 where an id must be
// repeatable from its cause (RFC 9562). A branded type says what an id names, so a person's id cannot stand where an
// engagement's is asked for.
import { hash, randomUUID } from 'node:crypto'
import { z } from 'zod'

declare const named: unique symbol
/** A lower-case UUID that names a `K`. */
export type Id<K extends string = string> = string & { readonly [named]: K }

/** The zod schema of an id: any UUID shape (the well-known ids carry no RFC version bits), folded to lower case. */
export function idOf<K extends string>(): z.ZodType<Id<K>, string> {
  return z.guid().toLowerCase() as unknown as z.ZodType<Id<K>, string>
}

export type PersonId = Id<'person'>
export type EngagementId = Id<'engagement'>
export type ObjectId = Id<'object'>
export type SagaId = Id<'saga'>
export type EventId = Id<'event'>
export type CommandId = Id<'command'>

/** A new UUIDv7: 48 bits of milliseconds, 74 random bits (RFC 9562 §5.7). */
export function newId<K extends string>(nowMs: number = Date.now()): Id<K> {
  const time = Math.floor(nowMs).toString(16).padStart(12, '0')
  // The random bits of a version 4 stand where those of a version 7 do, and Node keeps them in stock.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}` as Id<K>
}

/** The UUIDv5 of a cause: the same namespace and parts always give the same id. Parts are joined by `/`. */
export function derivedId<K extends string>(namespace: string, ...parts: readonly (string | number | bigint)[]): Id<K> {
  return stamped(hash('sha1', Buffer.concat([Buffer.from(namespace.replaceAll('-', ''), 'hex'), Buffer.from(parts.join('/'))]), 'hex')) as Id<K>
}

/** The first 128 bits of a digest with the bits of version 5 and of the variant. */
function stamped(hex: string): string {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
