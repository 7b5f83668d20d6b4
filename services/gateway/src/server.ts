// The only socket of Loomworks that strangers reach: Node's own parser, with limits on everything, and an answer in our one error
// shape also to what is no HTTP.
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse, STATUS_CODES } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import { newId, type Refusal } from '@loomworks/kernel'
import { closedWithin, type HttpServer, listenOptions, PROBLEM_TYPE, problemOf, shared } from '@loomworks/service-kit'
import { answerRequest, type PipelineParts } from './pipeline.ts'
import { secureServer } from './secure-server.ts'

const HEADERS_BYTES = 16_384
const HEADERS_WITHIN_MS = 10_000
const REQUEST_WITHIN_MS = 60_000
const KEEP_ALIVE_MS = 65_000
const IDLE_CLOSED_EVERY_MS = 50

/** How long a client may take to say what it wants, and other times that a test cannot wait for. */
export interface SocketLimits {
  readonly headersWithinMs?: number
  readonly requestWithinMs?: number
  /** How often it is asked whether a stream may go on. */
  readonly streamsCheckedEveryMs?: number
}

type ServerParts = PipelineParts & { readonly ready: () => Promise<void>; readonly drain: { begun: boolean } }

export function gatewayServer(parts: ServerParts, limits: SocketLimits = {}): HttpServer {
  const { ready, drain } = parts
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (drain.begun) response.shouldKeepAlive = false
    void answerRequest(parts, request, response)
  }
  const { tls } = parts.config
  const server = tls === undefined ? createServer(socketOptions(limits), answer) : secureServer(tls, socketOptions(limits), answer)
  // Node would drop what comes after the most silently; the head is refused by its count instead.
  server.maxHeadersCount = 0
  server.on('checkExpectation', answer)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A refusal that ends the connection is out already; what could not be read stood behind its head.
    if (parts.distrusted.has(socket)) socket.end()
    else refuseRaw(socket, unreadable(error))
  })
  for (const other of ['connect', 'upgrade'] as const) {
    server.on(other, (_request, socket) => {
      if (socket instanceof Http2ServerResponse) refuseTunnel(socket)
      else refuseRaw(socket, shared.not_implemented())
    })
  }
  const ops = parts.config.opsPort === undefined ? undefined : opsServer(parts, ready)
  return {
    async listen(address) {
      await listening(server, await listenOptions(address))
      if (ops !== undefined) await listening(ops, { host: '127.0.0.1', port: parts.config.opsPort })
    },
    ready,
    drain() {
      drain.begun = true
    },
    async close(deadlineMs) {
      parts.streams.endAll()
      await Promise.all([server, ...(ops === undefined ? [] : [ops])].map((each) => closedWithin(each, () => closed(each), deadlineMs)))
      await parts.upstreams.close()
    },
  }
}

function socketOptions({ headersWithinMs = HEADERS_WITHIN_MS, requestWithinMs = REQUEST_WITHIN_MS }: SocketLimits): ServerOptions {
  return {
    maxHeaderSize: HEADERS_BYTES,
    headersTimeout: headersWithinMs,
    requestTimeout: requestWithinMs,
    // How often both are looked at: at Node's 30 s a slow head would live four times its limit.
    connectionsCheckingInterval: Math.min(headersWithinMs, 1000),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Most requests have no body, and no stream has to be ended for one that is not there.
    optimizeEmptyRequests: true,
    // A request without a host is refused in our own shape.
    requireHostHeader: false,
  }
}

/** Numbers and details for operators, on the loopback alone. */
function opsServer({ metrics, upstreams }: ServerParts, ready: () => Promise<void>): Server {
  return createServer((request, response) => {
    if (request.url === '/metrics') {
      void metrics.registry.metrics().then((text) => response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(text))
      return
    }
    if (request.url !== '/readyz') return void response.writeHead(404).end()
    const tell = (status: number, identity: string) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(standing(upstreams, identity)))
    void ready().then(
      () => tell(200, 'ok'),
      (error: Error) => tell(503, error.message),
    )
  })
}

/** Ready is who can find out who asks. Another service that fails makes only its own operations fail. */
function standing(upstreams: PipelineParts['upstreams'], identity: string) {
  const others = upstreams.all.filter(({ name }) => name !== 'identity').map(({ name, breaker }) => [name, breaker.isOpen ? 'left alone: it fails' : 'ok'])
  const dependencies: Record<string, string> = { identity, ...Object.fromEntries(others) }
  return { ready: identity === 'ok', degraded: Object.values(dependencies).some((state) => state !== 'ok'), dependencies }
}

function listening(server: Server, where: object): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(where, () => {
      server.off('error', failed)
      done()
    })
  })
}

/** A connection that was busy when we closed becomes idle later, and would be kept alive. */
function closed(server: Server): Promise<void> {
  return new Promise((done) => {
    const sweeping = setInterval(() => server.closeIdleConnections(), IDLE_CLOSED_EVERY_MS)
    server.close(() => {
      clearInterval(sweeping)
      done()
    })
  })
}

function unreadable({ code }: NodeJS.ErrnoException): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return shared.headers_too_large()
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? shared.request_timeout() : shared.malformed_request()
}

function refuseRaw(socket: Duplex & { readonly _httpMessage?: ServerResponse | null }, refusal: Refusal): void {
  // An answer to an earlier request may be half out on this socket, and nothing may be written into it. Node's own handler looks at
  // the same member; there is no public one.
  if (!socket.writable || socket._httpMessage?.headersSent === true) return void socket.destroy()
  socket.on('error', () => socket.destroy())
  const { headers, body } = rawProblem(refusal)
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** A tunnel over HTTP/2 is a request like others, and only its stream ends. */
function refuseTunnel(response: Http2ServerResponse): void {
  const refusal = shared.not_implemented()
  const { headers, body } = rawProblem(refusal)
  response.writeHead(refusal.status, headers)
  response.end(body)
}

function rawProblem(refusal: Refusal): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const requestId = newId()
  const body = JSON.stringify(problemOf(refusal, { instance: '/', requestId }))
  const headers = {
    'content-type': PROBLEM_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  }
  return { headers, body }
}
