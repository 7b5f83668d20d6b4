// The HTTP server of a service, made from its operations: who may call, what may be sent, what is answered. Order: token →
// rights → params → query → body → answer, so 401 comes before 403 and both before 422.
import { type Caller, type Clock, type Json, newId, Refusal } from '@loomworks/kernel'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { authorize } from './authorize.ts'
import { parseJson } from './json-body.ts'
import type { Log } from './logger.ts'
import type { ServiceMetrics } from './metrics.ts'
import { everyTime, type KeyedCall, onceFor } from './once.ts'
import { everyTimeAround, onceAroundFor } from './once-around.ts'
import { Answered, EventStream, type Internal, type Operation, type Request } from './operation.ts'
import { invalidBody, PROBLEM_TYPE, problemOf, refusalOf } from './problem.ts'
import { shared } from './shared-refusals.ts'
import { writeEvents } from './sse.ts'
import type { Itk, TokenVerifier } from './token.ts'
import { childTrace } from './trace.ts'

export interface ServerOptions<Parts> {
  readonly service: string
  readonly operations: readonly Operation<Parts>[]
  readonly parts: Parts
  readonly verifier: TokenVerifier
  /** Name of the service a secret belongs to; only identity answers calls under one. */
  readonly serviceOfSecret?: (authorization: string | undefined) => string | undefined
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ServiceMetrics
  /** Each dependency by name: resolves when it answers. */
  readonly probes: Readonly<Record<string, () => Promise<void>>>
  /** How far identity's clock is ahead; hosts may differ by five seconds, beyond that tokens fail. */
  readonly clockSkewS?: () => number | undefined
}

const DEFAULT_BODY_BYTES = 1_048_576
const DEADLINE_MOST_MS = 600_000

export function httpServer<Parts>(options: ServerOptions<Parts>): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: DEFAULT_BODY_BYTES,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    // What the router cannot read is told in our own shape too.
    frameworkErrors: (error, request, reply) => void sendRefusal(error, request, reply, options.log),
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, parseJson(String(body)))
    } catch (error) {
      done(error as Error)
    }
  })
  app.setErrorHandler((error, request, reply) => sendRefusal(error, request, reply, options.log))
  app.setNotFoundHandler((request, reply) => sendRefusal(shared.route_not_found(), request, reply, options.log))
  app.addHook('onResponse', (request, reply, done) => {
    const id = request.routeOptions.config as { operation?: string }
    if (id.operation !== undefined) options.metrics.answered(id.operation, String(reply.statusCode), reply.elapsedTime / 1000)
    done()
  })
  addHealth(app, options)
  for (const each of options.operations) addOperation(app, each, options)
  return app
}

function addHealth<Parts>(app: FastifyInstance, { probes, metrics, service, clockSkewS }: ServerOptions<Parts>): void {
  app.get('/livez', () => ({ service, ok: true }))
  app.get('/readyz', async (_request, reply) => {
    const dependencies = await probed(probes)
    const ready = Object.values(dependencies).every((state) => state === 'ok')
    return reply.status(ready ? 200 : 503).send({ service, ready, dependencies, clock_skew_s: clockSkewS?.() ?? null, at: new Date().toISOString() })
  })
  app.get('/metrics', async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()))
}

async function probed(probes: Readonly<Record<string, () => Promise<void>>>): Promise<Record<string, string>> {
  const states = await Promise.all(
    Object.entries(probes).map(async ([name, probe]) => {
      const state = await probe().then(
        () => 'ok',
        (error: Error) => error.message.slice(0, 200),
      )
      return [name, state] as const
    }),
  )
  return Object.fromEntries(states)
}

interface Opened {
  readonly token: Itk
  readonly from: string
}

function addOperation<Parts>(app: FastifyInstance, operation: Operation<Parts>, options: ServerOptions<Parts>): void {
  const opened = new WeakMap<FastifyRequest, Opened>()
  app.route({
    method: operation.method,
    // A colon inside a segment (`persons:names`) is itself, not a parameter.
    url: operation.path.replaceAll(/(?<=[^/]):/g, '::'),
    bodyLimit: operation.limits.bodyBytes ?? DEFAULT_BODY_BYTES,
    config: { operation: operation.id },
    onRequest: async (request) => {
      opened.set(request, await open(operation, request, options))
    },
    handler: async (request, reply) => {
      const { token, from } = opened.get(request) ?? refuse()
      const signal = signalOf(request, reply, from)
      const asked = requestOf(operation, request, { token, from }, { ...options, signal })
      const answer = await operation.answer(asked, options.parts).catch((error: unknown) => {
        // Work that was ended because its time was over failed for that.
        throw signal.reason instanceof Refusal ? signal.reason : error
      })
      if (answer instanceof EventStream) options.metrics.streaming(reply.raw)
      return send(operation, answer, reply)
    },
  })
}

async function open<Parts>(operation: Operation<Parts>, request: FastifyRequest, options: ServerOptions<Parts>): Promise<Opened> {
  const authorization = request.headers.authorization
  if (operation.internal?.auth === 'service_secret') {
    const from = options.serviceOfSecret?.(authorization) ?? refuse()
    requireCaller(operation.internal, from)
    return { token: secretToken(from), from }
  }
  const token = await options.verifier.verify(authorization?.startsWith('Bearer ') ? authorization.slice(7) : '')
  if (operation.internal !== undefined) requireCaller(operation.internal, token.azp)
  if (operation.authz !== undefined) authorize(operation.authz, token, options.clock.now())
  return { token, from: token.azp }
}

function requireCaller({ callers }: Internal, from: string): void {
  if (callers?.includes(from) === false) throw shared.actor_refused()
}

/** A call under a service's own secret has no token yet: it acts as that service and for nobody else. */
function secretToken(from: string): Itk {
  const azp = from as Itk['azp']
  return { iss: 'loomworks-identity', aud: 'identity', sub: from, azp, iat: 0, exp: 0, jti: '', act: { kind: 'service', id: azp }, scope: '' }
}

function refuse(): never {
  throw shared.internal_token_invalid()
}

/** Aborted when the client is gone before its answer is out, or, with the refusal it shall get, when the time is over that the gateway gives. */
function signalOf(request: FastifyRequest, reply: FastifyReply, from: string): AbortSignal {
  const leaving = new AbortController()
  const deadlineMs = from === 'gateway' ? Number(oneOf(request.headers['x-deadline-ms'])) : 0
  const timer = deadlineMs > 0 ? setTimeout(() => leaving.abort(shared.upstream_timeout()), Math.min(deadlineMs, DEADLINE_MOST_MS)) : undefined
  reply.raw.on('close', () => {
    clearTimeout(timer)
    if (!reply.raw.writableFinished) leaving.abort()
  })
  return leaving.signal
}

function requestOf<Parts>(
  operation: Operation<Parts>,
  request: FastifyRequest,
  { token, from }: Opened,
  { service, clock, signal }: Pick<ServerOptions<Parts>, 'service' | 'clock'> & { readonly signal: AbortSignal },
): Request<unknown, unknown, unknown> {
  const trusted = from === 'gateway' || operation.internal !== undefined
  const header = (name: string) => oneOf(request.headers[name])
  const requestId = (trusted ? header('x-request-id') : undefined) ?? newId()
  const caller: Caller = {
    actor: token.act,
    commandId: newId(),
    correlationId: requestId,
    causationId: requestId,
    traceparent: childTrace(header('traceparent')),
  }
  const key = header('idempotency-key')?.replace(/^"(.*)"$/, '$1')
  if (key === undefined && operation.limits.idempotency === 'required') throw shared.idempotency_key_missing()
  // Strangers have no name to keep a reply under: one would get what another was told.
  const isKept = operation.limits.idempotency !== undefined && token.act.kind !== 'service'
  const keyed: KeyedCall | undefined =
    key !== undefined && isKept
      ? { service, operation, actor: token.act, key, asked: [request.params, request.query, request.body ?? null] as Json, clock }
      : undefined
  return {
    params: parsed(operation.params, request.params, 'params'),
    query: parsed(operation.query, request.query, 'query'),
    body: parsed(operation.body, request.body, 'body'),
    caller,
    token,
    from,
    requestId,
    clientIp: (trusted ? header('x-client-ip') : undefined) ?? request.ip,
    idempotencyKey: key,
    once: keyed === undefined ? everyTime : onceFor(keyed),
    onceAround: keyed === undefined ? everyTimeAround(caller) : onceAroundFor(keyed, caller),
    cookies: cookiesOf(header('cookie')),
    header,
    signal,
  }
}

function parsed(schema: z.ZodType | undefined, value: unknown, part: 'params' | 'query' | 'body'): unknown {
  if (schema === undefined) {
    // An operation without a query takes none: a misspelt parameter is told, not ignored.
    if (part === 'query' && value !== null && typeof value === 'object' && Object.keys(value).length > 0) throw unknownKeys(Object.keys(value))
    return undefined
  }
  const result = schema.safeParse(part === 'body' ? value : { ...(value as object) })
  if (!result.success) throw invalidBody(result.error, part)
  return result.data
}

function unknownKeys(keys: readonly string[]): Refusal {
  return shared.invalid_body({ errors: keys.slice(0, 5).map((key) => ({ pointer: `/query/${key}`, code: 'unrecognized_keys', message: 'unknown parameter' })) })
}

async function send<Parts>(operation: Operation<Parts>, answer: unknown, reply: FastifyReply): Promise<FastifyReply> {
  if (answer instanceof EventStream) return writeEvents(reply, answer.events)
  const { status, body, headers, cookies } = answer instanceof Answered ? answer : new Answered(operation.status, answer)
  reply.status(status).headers(headers)
  if (cookies.length > 0) reply.header('set-cookie', [...cookies])
  if (body === undefined || status === 204) return reply.send()
  return typeof body === 'string' ? reply.send(body) : reply.type('application/json; charset=utf-8').send(JSON.stringify(body))
}

/** Tells the gateway that the token it sent was refused, which is between the two: a client must not read it as its own. */
export const TOKEN_REFUSED = 'x-internal-token-refused'

function sendRefusal(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const refusal = refusalOf(error)
  const requestId = oneOf(request.headers['x-request-id']) ?? newId()
  // Work that failed because its client left is nobody's trouble.
  if (refusal.status >= 500 && !reply.raw.destroyed) log.error({ requestId, err: error, route: request.routeOptions.url }, 'request failed')
  if (refusal.retryAfterS !== undefined) reply.header('retry-after', String(refusal.retryAfterS))
  if (refusal.code === shared.internal_token_invalid.code) reply.header(TOKEN_REFUSED, 'true')
  const problem = problemOf(refusal, { instance: request.url.split('?', 1)[0] ?? '/', requestId })
  return reply.status(refusal.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
}

function oneOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function cookiesOf(header: string | undefined): Readonly<Record<string, string | undefined>> {
  if (header === undefined) return {}
  return Object.fromEntries(
    header.split(';').flatMap((pair) => {
      const at = pair.indexOf('=')
      return at < 0 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]]
    }),
  )
}
