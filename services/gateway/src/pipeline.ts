// The way of a request, in order (identity page §13.1): head → own pages → route → address limit → CORS and CSRF → who → what they may
// → principal limit → idempotency key → the service. So 404 and 405 come before 401, 401 before 403, and whatever the service says comes last.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, Refusal, Transient } from '@loomworks/kernel'
import { authorize, type Log, PROBLEM_TYPE, problemOf, refusalOf, type ServiceMetrics, shared } from '@loomworks/service-kit'
import type { Authenticate } from './authenticate/authenticate.ts'
import { type CookieNames, type Credential, credentialOf, ridesOnCookie } from './authenticate/credential.ts'
import { subjectsOf } from './authenticate/token-cache.ts'
import type { GatewayConfig } from './config.ts'
import { dispatch } from './dispatch/dispatch.ts'
import type { Upstreams } from './dispatch/upstreams.ts'
import { clientAddress, limitKey } from './limit/client-address.ts'
import { bothStandings, type TakeRate } from './limit/limits.ts'
import type { OpenStreams } from './open-streams.ts'
import type { ConsoleFiles, FileAnswer } from './own/console.ts'
import type { Page, Pages } from './own/pages.ts'
import { type Head, headOf, idsOf, isUnread } from './request-head.ts'
import type { Route, RouteTable } from './routes.ts'
import { corsHeaders, preflightHeaders, requireOwnPage } from './same-origin.ts'

export interface PipelineParts {
  readonly config: GatewayConfig
  /** Headers of every answer. */
  readonly baseHeaders: Readonly<Record<string, string>>
  readonly table: RouteTable
  readonly pages: Pages
  readonly files: ConsoleFiles
  readonly takeRate: TakeRate
  readonly cookies: CookieNames
  readonly authenticate: Authenticate
  readonly upstreams: Upstreams
  readonly streams: OpenStreams
  /** Connections that said something no two parsers would read alike. */
  readonly distrusted: WeakSet<Duplex>
  /** Forgets a session or a person. */
  readonly drop: (subject: string) => void
  /** Forgets the token of a session that goes on under another one. */
  readonly replaced: (session: string) => void
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ServiceMetrics
}

type Headers = Record<string, string>

const KEY = /^(?:"[\x21\x23-\x7e]{1,255}"|[\x21\x23-\x7e][\x21-\x7e]{0,254})$/

/** Answers one request; never throws. */
export async function answerRequest(parts: PipelineParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Sent along with a request that ended the connection, before it could be told.
  if (parts.distrusted.has(request.socket)) return
  const ids = idsOf(request)
  const headers: Headers = { ...parts.baseHeaders, 'x-request-id': ids.requestId }
  if (ids.clientRequestId !== undefined) headers['x-client-request-id'] = ids.clientRequestId
  let head: Head | undefined
  try {
    head = headOf(request, ids)
    await (ownAnswer(parts, { request, response, head, headers }) ?? passed(parts, { request, response, head, headers }))
  } catch (error) {
    // Behind a head that cannot be believed stands nothing that can: its connection ends with it. In HTTP/2 each request stands by itself.
    if (head === undefined && request.httpVersionMajor === 1) parts.distrusted.add(request.socket)
    sendProblem(parts, { request, response, error, headers, requestId: ids.requestId, last: head === undefined })
  }
}

interface Asking {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly head: Head
  readonly headers: Headers
}

/** Probes come as often as they like; all else of our own takes from what an address may ask. */
const HEALTH: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/** Sends a file of the console or a page of our own; undefined where there is none. A file may be kept by whoever it passes, and how one address
 *  stands is not told with it. */
function ownAnswer(parts: PipelineParts, { request, response, head, headers }: Asking): Promise<void> | undefined {
  const file = isRead(request.method) ? parts.files.find(head.path, request.headers) : undefined
  const page = file === undefined && request.method === 'GET' ? parts.pages.get(head.path) : undefined
  if (file === undefined && page === undefined) return undefined
  const standing = HEALTH.has(head.path) ? undefined : parts.takeRate.ofAddress({ rate: 'ip_only' }, addressOf(parts, request))
  if (page !== undefined || standing?.refused !== undefined) Object.assign(headers, standing?.headers)
  if (standing?.refused !== undefined) throw standing.refused
  if (page !== undefined) return sendPage(response, page, headers)
  if (file !== undefined) sendFile(response, file, headers, request.method)
  return Promise.resolve()
}

function addressOf({ config }: PipelineParts, { socket, headers }: IncomingMessage): string {
  return clientAddress(socket.remoteAddress, one(headers['x-forwarded-for']), config.trustedProxies)
}

async function passed(parts: PipelineParts, { request, response, head, headers }: Asking): Promise<void> {
  const { config, cookies } = parts
  const beganMs = performance.now()
  const found = parts.table.find(head.method, head.path)
  if (head.method === 'OPTIONS') return preflight(parts, { request, response, head, headers })
  if (found === undefined || 'allow' in found) throw strayed(parts, { request, response, head, headers }, found?.allow)
  const { route } = found
  timed(parts.metrics, route, response)
  const address = addressOf(parts, request)
  const standing = parts.takeRate.ofAddress(route, address)
  if (route.notice !== undefined) Object.assign(headers, route.notice)
  Object.assign(headers, standing.headers, corsHeaders(request.headers.origin, config.allowedOrigins))
  if (standing.refused !== undefined) throw standing.refused
  const credential = credentialOf(head.cookie, head.authorization, cookies)
  if (ridesOnCookie(head.cookie, head.authorization, cookies)) requireOwnPage(head.method, request.headers, config.allowedOrigins)
  const entry = await parts.authenticate(route, credential)
  // A client that left meanwhile has nobody to do anything for.
  if (response.destroyed) return
  const { token, claims } = entry
  authorize(route.authz, claims, parts.clock.now())
  const ofPrincipal = parts.takeRate.ofPrincipal(entry)
  Object.assign(headers, bothStandings(standing, ofPrincipal))
  if (ofPrincipal.refused !== undefined) throw ofPrincipal.refused
  requireSyntax(route, request)
  if (route.limits.stream) {
    const anonymous = entry.rateClass === undefined
    parts.streams.add(response, {
      holder: anonymous ? limitKey(address) : claims.sub,
      subjects: anonymous ? [] : subjectsOf(claims),
      stillMay: () => stillMay(parts, route, credential),
    })
    parts.metrics.streaming(response)
  }
  const deadlineMs = beganMs + route.timeoutMs
  const passes = (chunk: Buffer) => parts.streams.passed(response, chunk)
  await dispatch(parts.upstreams, { request, response, head, route, address, token, deadlineMs, headers, ...(route.limits.stream && { passes }) })
  // Where the client left before the answer, nobody knows what it would have been.
  if (response.headersSent && response.statusCode < 300) heedSession(parts, route, head, claims.sid)
}

/** Operations after which the session they came by is over. */
const ENDS_SESSION: ReadonlySet<string> = new Set(['logOut', 'revokeAllSessions'])
/** After which it goes on under another token. */
const REPLACES_TOKEN: ReadonlySet<string> = new Set(['finishStepUp', 'finishAddPasskey'])

/** What is kept of a session that an operation has ended or changed is old from then on. */
function heedSession(parts: PipelineParts, { id }: Route, { path }: Head, session: string | undefined): void {
  if (session === undefined) return
  if (ENDS_SESSION.has(id)) parts.drop(session)
  else if (REPLACES_TOKEN.has(id)) parts.replaced(session)
  else if (id === 'revokeSession') parts.drop(path.slice(path.lastIndexOf('/') + 1))
}

/** Does the credential still open this? Rejects where identity does not answer. */
function stillMay({ authenticate, clock }: PipelineParts, route: Route, credential: Credential | undefined): Promise<boolean> {
  return authenticate(route, credential, true)
    .then(({ claims }) => authorize(route.authz, claims, clock.now()))
    .then(
      () => true,
      (error: unknown) => {
        if (error instanceof Refusal && error.status < 500) return false
        throw error
      },
    )
}

/** No route: another method of a path we know, with those there are, or nothing. A page of ours takes GET alone, a file of the console HEAD too. */
function strayed(parts: PipelineParts, { request, head: { path }, headers }: Asking, allow: readonly string[] | undefined): Refusal {
  const isFile = () => parts.files.find(path, request.headers) !== undefined
  const methods = allow ?? (parts.pages.has(path) ? ['GET'] : isFile() ? ['GET', 'HEAD'] : undefined)
  if (methods === undefined) return shared.route_not_found()
  headers.allow = methods.join(', ')
  return shared.method_not_allowed()
}

function requireSyntax(route: Route, { headers }: IncomingMessage): void {
  const key = one(headers['idempotency-key'])
  if (key !== undefined && !KEY.test(key)) throw shared.idempotency_key_invalid()
  if (key === undefined && route.limits.idempotency === 'required') throw shared.idempotency_key_missing()
  if (Number(headers['content-length'] ?? 0) > route.bodyBytes) throw shared.body_too_large()
}

function preflight({ table, config }: PipelineParts, { request, response, head, headers }: Asking): void {
  const found = table.find('OPTIONS', head.path)
  if (found === undefined || !('allow' in found)) throw shared.route_not_found()
  response.writeHead(204, { ...headers, allow: found.allow.join(', '), ...preflightHeaders(request.headers.origin, config.allowedOrigins, found.allow) }).end()
}

function timed(metrics: ServiceMetrics, { id }: Route, response: ServerResponse): void {
  const began = performance.now()
  // 'close' comes in every case, also when the client leaves.
  response.once('close', () => {
    const status = response.headersSent ? String(response.statusCode) : CLIENT_LEFT
    metrics.answered(id, status, (performance.now() - began) / 1000)
  })
}

// nginx's word for a client that did not wait; never on the wire.
const CLIENT_LEFT = '499'

/** What every answer carries: nothing is guessed, kept or told to others. */
export function baseHeaders({ publicOrigin }: GatewayConfig): Headers {
  const plain = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' }
  return publicOrigin.startsWith('https:') ? { ...plain, 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : plain
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD'
}

function sendFile(response: ServerResponse, { status, headers: own, body }: FileAnswer, headers: Headers, method: string | undefined): void {
  response.writeHead(status, { ...headers, ...own })
  response.end(method === 'HEAD' ? undefined : body)
}

async function sendPage(response: ServerResponse, page: () => Page | Promise<Page>, headers: Headers): Promise<void> {
  const { status, type, body, headers: own } = await page()
  response.writeHead(status, { ...headers, ...own, 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
}

interface Failing {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly error: unknown
  readonly headers: Headers
  readonly requestId: string
  /** Nothing more is taken from this connection. */
  readonly last: boolean
}

function sendProblem({ log }: PipelineParts, { request, response, error, headers, requestId, last }: Failing): void {
  const refusal = refusalOf(error)
  if (refusal.status >= 500 && refusal.status !== 501) log[error instanceof Transient ? 'warn' : 'error']({ requestId, err: error }, 'request failed')
  if (response.headersSent || response.destroyed) return void response.destroy()
  const extra: Headers = {}
  if (refusal.retryAfterS !== undefined) extra['retry-after'] = String(refusal.retryAfterS)
  if (refusal.status === 401) extra['www-authenticate'] = 'Bearer realm="loomworks"'
  const body = JSON.stringify(problemOf(refusal, { instance: request.url?.split('?', 1)[0] ?? '/', requestId }))
  // Of a body that was waited for in vain not a byte more is.
  const unread = isUnread(request) || refusal.code === 'request_timeout'
  if (unread || last) extra.connection = 'close'
  response.writeHead(refusal.status, { ...headers, ...extra, 'content-type': PROBLEM_TYPE, 'content-length': Buffer.byteLength(body) })
  if (unread) endLingering(request, response, body)
  else {
    response.end(body)
    request.resume()
  }
}

const LINGER_MS = 1000

/** A socket closed on unread bytes is reset, and the answer may be lost with it (RFC 9112 §9.6): the rest is read and thrown away,
 *  for a moment, while the client already has the whole answer. */
function endLingering(request: IncomingMessage, response: ServerResponse, body: string): void {
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, LINGER_MS)
  response.write(body)
  request.once('close', end)
  request.resume()
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
