// The way of a request, in order (identity page §13.1): head → own pages → route → address limit → CORS and CSRF → who → what they may
// → idempotency key → the service. So 404 and 405 come before 401, 401 before 403, and whatever the service says comes last.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, Transient } from '@loomworks/kernel'
import { authorize, type Log, PROBLEM_TYPE, problemOf, refusalOf, type ServiceMetrics, shared } from '@loomworks/service-kit'
import type { Authenticate } from './authenticate/authenticate.ts'
import { type CookieNames, credentialOf, ridesOnCookie } from './authenticate/credential.ts'
import type { GatewayConfig } from './config.ts'
import { dispatch } from './dispatch/dispatch.ts'
import type { Upstreams } from './dispatch/upstreams.ts'
import { clientAddress } from './limit/client-address.ts'
import type { TakeRate } from './limit/limits.ts'
import type { OpenStreams } from './open-streams.ts'
import type { Page, Pages } from './own/pages.ts'
import { type Head, headOf, idsOf } from './request-head.ts'
import type { Route, RouteTable } from './routes.ts'
import { corsHeaders, preflightHeaders, requireOwnPage } from './same-origin.ts'

export interface PipelineParts {
  readonly config: GatewayConfig
  readonly table: RouteTable
  readonly pages: Pages
  readonly takeRate: TakeRate
  readonly cookies: CookieNames
  readonly authenticate: Authenticate
  readonly upstreams: Upstreams
  readonly streams: OpenStreams
  /** Forgets a session or a person. */
  readonly drop: (subject: string) => void
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ServiceMetrics
}

type Headers = Record<string, string>

const KEY = /^(?:"[\x21\x23-\x7e]{1,255}"|[\x21\x23-\x7e][\x21-\x7e]{0,254})$/

/** Answers one request; never throws. */
export async function answerRequest(parts: PipelineParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const ids = idsOf(request)
  const headers: Headers = { ...baseHeaders(parts.config), ...idHeaders(ids) }
  try {
    const head = { ...headOf(request), ...ids }
    const page = request.method === 'GET' ? parts.pages.get(head.path) : undefined
    if (page !== undefined) return sendPage(response, await page(), headers)
    await passed(parts, { request, response, head, headers })
  } catch (error) {
    sendProblem(parts, response, { error, headers, instance: request.url?.split('?', 1)[0] ?? '/', requestId: ids.requestId })
  }
}

interface Asking {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly head: Head
  readonly headers: Headers
}

async function passed(parts: PipelineParts, { request, response, head, headers }: Asking): Promise<void> {
  const { config, cookies } = parts
  const found = parts.table.find(head.method, head.path)
  if (head.method === 'OPTIONS') return preflight(parts, { request, response, head, headers })
  if (found === undefined) throw known(parts, head.path)
  if ('allow' in found) {
    headers.allow = found.allow.join(', ')
    throw head.method === 'TRACE' || head.method === 'CONNECT' ? shared.not_implemented() : shared.method_not_allowed()
  }
  const { route } = found
  const address = clientAddress(request.socket.remoteAddress, one(request.headers['x-forwarded-for']), config.trustedProxies)
  Object.assign(headers, parts.takeRate(route, address), corsHeaders(request.headers.origin, config.allowedOrigins))
  const credential = credentialOf(head.cookie, head.authorization, cookies)
  if (ridesOnCookie(head.cookie, head.authorization, cookies)) requireOwnPage(head.method, request.headers, config.allowedOrigins)
  const { token, claims } = await parts.authenticate(route, credential)
  authorize(route.authz, claims, parts.clock.now())
  requireSyntax(route, request)
  if (route.limits.stream) parts.streams.add(response, [claims.sub, ...(claims.sid === undefined ? [] : [claims.sid])])
  const ended = timed(parts.metrics, route, response)
  await dispatch(parts.upstreams.of(route.owner), { request, response, head, route, address, token, headers })
  ended()
  if (route.id === 'logOut' && response.statusCode < 300 && claims.sid !== undefined) parts.drop(claims.sid)
}

/** A path of a page of ours takes GET alone; any other is nothing. */
function known(parts: PipelineParts, path: string) {
  return parts.pages.has(path) ? shared.method_not_allowed() : shared.route_not_found()
}

function requireSyntax(route: Route, { headers }: IncomingMessage): void {
  const key = one(headers['idempotency-key'])
  if (key !== undefined && !KEY.test(key)) throw shared.idempotency_key_invalid()
  if (Number(headers['content-length'] ?? 0) > route.bodyBytes) throw shared.body_too_large()
}

function preflight({ table, config }: PipelineParts, { request, response, head, headers }: Asking): void {
  const found = table.find('OPTIONS', head.path)
  if (found === undefined || !('allow' in found)) throw shared.route_not_found()
  response.writeHead(204, { ...headers, allow: found.allow.join(', '), ...preflightHeaders(request.headers.origin, config.allowedOrigins, found.allow) }).end()
}

function timed({ requests }: ServiceMetrics, route: Route, response: ServerResponse): () => void {
  const began = performance.now()
  return () => requests.observe({ operation: route.id, status: String(response.statusCode) }, (performance.now() - began) / 1000)
}

function baseHeaders({ publicOrigin }: GatewayConfig): Headers {
  const plain = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' }
  return publicOrigin.startsWith('https:') ? { ...plain, 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : plain
}

function idHeaders({ requestId, clientRequestId }: Pick<Head, 'requestId' | 'clientRequestId'>): Headers {
  return { 'x-request-id': requestId, ...(clientRequestId !== undefined && { 'x-client-request-id': clientRequestId }) }
}

function sendPage(response: ServerResponse, { status, type, body, headers: own }: Page, headers: Headers): void {
  response.writeHead(status, { ...headers, ...own, 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
}

interface Failing {
  readonly error: unknown
  readonly headers: Headers
  readonly instance: string
  readonly requestId: string
}

function sendProblem({ log }: PipelineParts, response: ServerResponse, { error, headers, instance, requestId }: Failing): void {
  const refusal = refusalOf(error)
  if (refusal.status >= 500) log[error instanceof Transient ? 'warn' : 'error']({ requestId, err: error }, 'request failed')
  if (response.headersSent || response.destroyed) return void response.destroy()
  const extra: Headers = {}
  if (refusal.retryAfterS !== undefined) extra['retry-after'] = String(refusal.retryAfterS)
  if (refusal.status === 401) extra['www-authenticate'] = 'Bearer realm="loomworks"'
  // What is left of a refused body is not worth reading.
  if (refusal.status === 413) extra.connection = 'close'
  const body = JSON.stringify(problemOf(refusal, { instance, requestId }))
  response.writeHead(refusal.status, { ...headers, ...extra, 'content-type': PROBLEM_TYPE, 'content-length': Buffer.byteLength(body) }).end(body)
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
