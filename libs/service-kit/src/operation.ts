// An operation is a value: from it come the route, the checks before it, its part of OpenAPI, its error list and the types of
// the client. What a service offers is the list of its operations and nothing else.

import type { Exception, Role, Scope } from '@loomworks/contracts'
import type { AnyRefusal, Caller, Json } from '@loomworks/kernel'
import type { Database, Tx } from '@loomworks/sql'
import type { z } from 'zod'
import type { Itk } from './token.ts'

export type ActorClass = 'anonymous' | 'person' | 'companion' | 'agent' | 'service'
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What the token alone can decide (checked at the gateway and again here) and what the owner decides about the object. */
export interface Authz {
  readonly actors: readonly ActorClass[]
  readonly scope?: Scope
  /** One of these roles, where the operation belongs to the deployment's staff. */
  readonly role?: readonly Role[]
  readonly object: string
  readonly idFrom?: string
  readonly relation: 'none' | 'self' | 'member' | 'operator' | 'sponsor'
  readonly stepUp?: 'any' | 'passkey'
  /** Whom it lets in beside those with full rights: sessions kept to a recovery or an erasure, suspended accounts. */
  readonly restricted?: readonly Exception[]
  /** Not the caller's to see: 404, never 403. */
  readonly hide: boolean
}

export interface Limits {
  readonly timeoutMs?: number
  readonly bodyBytes?: number
  /** Class of rate limit at the gateway. */
  readonly rate?: RateClass
  readonly stream?: boolean
  readonly idempotency?: 'required' | 'optional'
}
export type RateClass = 'default' | 'auth' | 'signup_begin' | 'claim' | 'ip_only'

/** An operation that a later one replaces: it goes on answering until its sunset, and says so. Days as YYYY-MM-DD. */
export interface Deprecation {
  readonly since: string
  readonly sunset: string
  /** The id of the operation to use. */
  readonly instead: string
}

/** The scheme an internal operation is called under: a service's own secret (identity's token endpoints) or a token. */
export interface Internal {
  readonly auth: 'service_secret' | 'token'
  /** Services that may call it; all where absent. */
  readonly callers?: readonly string[]
}

export interface Request<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly caller: Caller
  /** The verified token; `act` says for whom. Anonymous calls carry the gateway's own. */
  readonly token: Itk
  /** The service that sent this, for internal operations. */
  readonly from: string
  readonly requestId: string
  readonly clientIp: string
  readonly idempotencyKey: string | undefined
  /** Runs the write of this operation once for its Idempotency-Key; see `Once`. */
  readonly once: Once
  /** The same for a write that is no transaction of the database; see `OnceAround`. */
  readonly onceAround: OnceAround
  readonly cookies: Readonly<Record<string, string | undefined>>
  readonly header: (name: string) => string | undefined
  /** Aborted when the client leaves or the deadline passes. */
  readonly signal: AbortSignal
}

/** Runs a write in one transaction of `db`, once for its key; where there is no key, once for each time it is asked. Gives the reply, or
 *  the one that was kept with `Idempotency-Replayed: true`. 422 `idempotency.key_reused`, 409 `idempotency.in_flight`. */
export type Once = <R>(db: Database, write: (tx: Tx) => Promise<R>) => Promise<R | Answered>

/** Runs a write that is no transaction, such as an append, once for its key: `write` goes by the command it is given, which is the same for a
 *  repeat after a crash. `keep` says what of the reply is kept: no secret and no text of a person; `again` makes the reply of it.
 *  422 `idempotency.key_reused`, 409 `idempotency.in_flight`. */
export type OnceAround = (db: Database, around: Around) => Promise<Answered>

export interface Around {
  write(caller: Caller): Promise<Answered>
  keep(body: unknown): Json
  again(kept: Json): Promise<unknown>
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined

export interface OperationShape<Parts, P extends z.ZodType | undefined, Q extends z.ZodType | undefined, B extends z.ZodType | undefined, R extends z.ZodType> {
  readonly get?: string
  readonly post?: string
  readonly put?: string
  readonly patch?: string
  readonly delete?: string
  readonly id: string
  readonly summary: string
  readonly authz?: Authz
  readonly internal?: Internal
  readonly limits?: Limits
  readonly deprecated?: Deprecation
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly reply: R
  /** Status of `reply`; 200 where it is not said. */
  readonly status?: number
  /** Other successes: status → schema. */
  readonly also?: Readonly<Record<number, z.ZodType>>
  /** Members of the reply that are not kept where the reply is kept for an Idempotency-Key: secrets that are told once, names, addresses. */
  readonly oneTime?: readonly string[]
  readonly refuses: readonly AnyRefusal[]
  answer(request: Request<Parsed<P>, Parsed<Q>, Parsed<B>>, parts: Parts): Promise<z.input<R> | Answered>
}

/** An answer with another status, headers or cookies than the plain one. */
export class Answered {
  readonly status: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
  readonly cookies: readonly string[]
  constructor(status: number, body: unknown, extra: { headers?: Readonly<Record<string, string>>; cookies?: readonly string[] } = {}) {
    this.status = status
    this.body = body
    this.headers = extra.headers ?? {}
    this.cookies = extra.cookies ?? []
  }
}

/** One server-sent event. `id` is what a client sends back as `Last-Event-ID`. */
export interface SseEvent {
  readonly id: string
  readonly event: string
  readonly data: unknown
}

/** An answer that is a stream of server-sent events; ends when the iterator does or the client leaves. */
export class EventStream extends Answered {
  readonly events: AsyncIterable<SseEvent>
  constructor(events: AsyncIterable<SseEvent>) {
    super(200, undefined)
    this.events = events
  }
}

/** An operation with its types forgotten, as a service lists it and the kit runs it. */
export interface Operation<Parts = never> {
  readonly method: Method
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly authz: Authz | undefined
  readonly internal: Internal | undefined
  readonly limits: Limits
  readonly deprecated: Deprecation | undefined
  readonly params: z.ZodType | undefined
  readonly query: z.ZodType | undefined
  readonly body: z.ZodType | undefined
  readonly replies: Readonly<Record<number, z.ZodType>>
  readonly status: number
  readonly oneTime: readonly string[]
  readonly refuses: readonly AnyRefusal[]
  answer(request: Request<unknown, unknown, unknown>, parts: Parts): Promise<unknown>
}

/** Makes an operation. Exactly one of get, post, put, patch, delete; `authz` for the public ones, `internal` for the others. */
export function operation<
  Parts,
  R extends z.ZodType,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(shape: OperationShape<Parts, P, Q, B, R>): Operation<Parts> {
  const [method, path] = methodOf(shape)
  const status = shape.status ?? 200
  return {
    method,
    path,
    id: shape.id,
    summary: shape.summary,
    authz: shape.authz,
    internal: shape.internal,
    limits: shape.limits ?? {},
    deprecated: shape.deprecated,
    params: shape.params,
    query: shape.query,
    body: shape.body,
    status,
    replies: { [status]: shape.reply, ...shape.also },
    oneTime: shape.oneTime ?? [],
    refuses: shape.refuses,
    answer: (request, parts) => shape.answer(request as Request<Parsed<P>, Parsed<Q>, Parsed<B>>, parts),
  }
}

function methodOf(shape: { get?: string; post?: string; put?: string; patch?: string; delete?: string; id: string }): readonly [Method, string] {
  if (shape.get !== undefined) return ['GET', shape.get]
  if (shape.post !== undefined) return ['POST', shape.post]
  if (shape.put !== undefined) return ['PUT', shape.put]
  if (shape.patch !== undefined) return ['PATCH', shape.patch]
  if (shape.delete !== undefined) return ['DELETE', shape.delete]
  throw new Error(`operation ${shape.id} names no path`)
}
