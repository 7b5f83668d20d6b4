// Expected errors are values of a catalogue: one entry makes a typed function, a code `area.name`, a row of the generated
// catalogue and of OpenAPI. Unexpected ones are Transient (worth a retry) or Terminal (a bug or a broken promise).
import type { z } from 'zod'

export interface RefusalEntry {
  readonly status: number
  readonly says: string
  readonly remedy: string
  /** Shape of the extra members a problem of this code carries. */
  readonly details?: z.ZodObject
  /** The code on the wire where it is not `area.name` (the gateway's shared codes have no dot). */
  readonly code?: string
}

/** An expected refusal, thrown by a decision or a route; becomes RFC 9457 problem+json at the edge. */
export class Refusal extends Error {
  readonly code: string
  readonly status: number
  readonly remedy: string
  readonly details: Readonly<Record<string, unknown>>
  /** Seconds after which a retry makes sense; sent as `Retry-After`. */
  readonly retryAfterS: number | undefined

  constructor(refusal: { code: string; status: number; says: string; remedy: string; details?: Readonly<Record<string, unknown>>; retryAfterS?: number }) {
    super(refusal.says)
    this.name = 'Refusal'
    this.code = refusal.code
    this.status = refusal.status
    this.remedy = refusal.remedy
    this.details = refusal.details ?? {}
    this.retryAfterS = refusal.retryAfterS
  }
}

type DetailsOf<E extends RefusalEntry> = E extends { details: infer D extends z.ZodObject } ? z.input<D> : undefined
type Refuse<E extends RefusalEntry> = (DetailsOf<E> extends undefined
  ? (details?: undefined, retryAfterS?: number) => Refusal
  : (details: DetailsOf<E>, retryAfterS?: number) => Refusal) & {
  readonly code: string
  readonly entry: RefusalEntry
}
export type Catalogue<C extends Record<string, RefusalEntry>> = { readonly [K in keyof C]: Refuse<C[K]> }
/** Any refusal of any catalogue, as routes list them. */
export type AnyRefusal = { readonly code: string; readonly entry: RefusalEntry }

/** Makes the catalogue of a service. `area` is the first part of its codes; an entry's own `code` wins. */
export function refusals<const C extends Record<string, RefusalEntry>>(area: string, entries: C): Catalogue<C> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [name, refusalMaker(entry.code ?? `${area}.${name}`, entry)]),
  ) as unknown as Catalogue<C>
}

function refusalMaker(code: string, entry: RefusalEntry) {
  const make = (details?: Readonly<Record<string, unknown>>, retryAfterS?: number) =>
    new Refusal({
      code,
      status: entry.status,
      says: entry.says,
      remedy: entry.remedy,
      ...(details && { details }),
      ...(retryAfterS !== undefined && { retryAfterS }),
    })
  return Object.assign(make, { code, entry })
}

/** Trouble that passes: a database or bus that does not answer. May be retried for ever. */
export class Transient extends Error {
  override readonly name = 'Transient'
}

/** Trouble that a retry cannot mend: a bug, a broken schema, a message of an unknown version. */
export class Terminal extends Error {
  override readonly name = 'Terminal'
  readonly code: string
  constructor(code: string, message: string = code, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Ends a `switch` over a union: the compiler refuses it while a case is missing, and a value from outside throws. */
export function unreachable(value: never): never {
  throw new Terminal('unreachable', `no case for ${JSON.stringify(value)}`)
}
