// Calls from one service to another: always with an internal token for the called one, always with a deadline.
import { Refusal, type ServiceName, Terminal, Transient } from '@loomworks/kernel'
import type { Dispatcher, Pool } from 'undici'
import { z } from 'zod'
import { type Address, poolTo } from './pool.ts'
import { shared } from './shared-refusals.ts'

export interface Call {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  readonly traceparent?: string
  readonly timeoutMs?: number
  /** In place of the service's own token: the person's, when acting for one. */
  readonly authorization?: string
}

export interface ServiceClient {
  /** The parsed answer of a 2xx. Refusal for a problem the other service states, Transient when it does not answer. */
  call<S extends z.ZodType>(to: ServiceName, reply: S, call: Call): Promise<z.output<S>>
  /** A token of this service for an audience, cached until shortly before its end. */
  tokenFor(audience: ServiceName): Promise<string>
  /** How far identity's clock is ahead of ours, in whole seconds, as its newest `Date` header said; undefined before it has answered. */
  clockSkewS(): number | undefined
  close(): Promise<void>
}

export interface ClientOptions {
  readonly service: ServiceName
  readonly secret: string
  readonly addressOf: (service: ServiceName) => Address
  readonly now: () => number
}

const TIMEOUT_MS = 5000
const CONNECTIONS = 16
const RENEW_BEFORE_MS = 5000
export const ServiceToken = z.object({ token: z.string(), expiresAt: z.iso.datetime() })

export function serviceClient(options: ClientOptions): ServiceClient {
  const pools = new Map<ServiceName, Pool>()
  const tokens = new Map<ServiceName, Promise<z.output<typeof ServiceToken>>>()
  const poolOf = (service: ServiceName) => remembered(pools, service, () => poolTo(options.addressOf(service), CONNECTIONS))
  const ownSecret = `Service ${options.service}:${options.secret}`

  let skewS: number | undefined
  const toldTheTime = (date: string) => {
    skewS = Math.round((Date.parse(date) - options.now()) / 1000)
  }

  const tokenFor = async (audience: ServiceName): Promise<string> => {
    const asked = tokens.get(audience)
    const held = await asked
    if (held !== undefined && Date.parse(held.expiresAt) - RENEW_BEFORE_MS > options.now()) return held.token
    // Somebody else who waited has begun to renew it.
    if (tokens.get(audience) !== asked) return tokenFor(audience)
    const fetched = send(
      poolOf('identity'),
      ServiceToken,
      { method: 'POST', path: '/internal/tokens/service', body: { audience }, authorization: ownSecret },
      toldTheTime,
    )
    tokens.set(audience, fetched)
    fetched.catch(() => tokens.delete(audience))
    return (await fetched).token
  }
  return {
    tokenFor,
    clockSkewS: () => skewS,
    call: async (to, reply, call) =>
      send(poolOf(to), reply, { ...call, authorization: call.authorization ?? (SECRET_PATHS.test(call.path) ? ownSecret : `Bearer ${await tokenFor(to)}`) }),
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.close()))
    },
  }
}

/** Identity's doors that a service opens with its own secret. */
const SECRET_PATHS = /^\/internal\/(?:introspect|keys|tokens\/service)$/

async function send<S extends z.ZodType>(pool: Pool, reply: S, call: Call, toldTheTime?: (date: string) => void): Promise<z.output<S>> {
  const answer = await exchanged(pool, call)
  if (answer.date !== undefined) toldTheTime?.(answer.date)
  if (answer.statusCode >= 200 && answer.statusCode < 300) return parsedReply(reply, answer.body, call.path)
  throw refusedBy(answer)
}

interface Exchanged {
  readonly statusCode: number
  readonly body: unknown
  readonly date: string | undefined
  readonly retryAfterS: number | undefined
}

async function exchanged(pool: Pool, { method = 'GET', path, body, traceparent, timeoutMs = TIMEOUT_MS, authorization }: Call): Promise<Exchanged> {
  const request: Dispatcher.RequestOptions = {
    method,
    path,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(traceparent !== undefined && { traceparent }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  }
  try {
    const answer = await pool.request(request)
    const text = await answer.body.text()
    const { date, 'retry-after': retryAfter } = answer.headers
    return {
      statusCode: answer.statusCode,
      body: text === '' ? undefined : JSON.parse(text),
      date: typeof date === 'string' ? date : undefined,
      retryAfterS: typeof retryAfter === 'string' ? Number(retryAfter) : undefined,
    }
  } catch (error) {
    throw new Transient(`no answer to ${method} ${path}`, { cause: error })
  }
}

function parsedReply<S extends z.ZodType>(reply: S, body: unknown, path: string): z.output<S> {
  const parsed = reply.safeParse(body)
  if (!parsed.success) throw new Terminal('reply_invalid', `the answer of ${path} does not fit its schema`, { cause: parsed.error })
  return parsed.data
}

const StatedProblem = z.object({ code: z.string(), status: z.int(), title: z.string(), detail: z.string() })

function refusedBy({ statusCode, body, retryAfterS }: Exchanged): Error {
  const problem = StatedProblem.safeParse(body)
  if (!problem.success) return new Transient(`answer ${statusCode}`)
  const { code, status, title, detail } = problem.data
  // Codes without a dot are no service's own: trouble on the way, or a bug.
  if (statusCode >= 500 && !code.includes('.')) return new Transient(`answer ${statusCode} ${code}`)
  // Between services a token that does not fit is our trouble and passes with its minute; no client of ours may read it as its own.
  if (code === shared.internal_token_invalid.code) return new Transient(`answer ${statusCode} ${code}`)
  return new Refusal({ code, status, says: title, remedy: detail, ...(retryAfterS !== undefined && { retryAfterS }) })
}

function remembered<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
