// The only socket of Loomworks that strangers reach: Node's own parser, with limits on everything, and an answer in our one error
// shape also to what is no HTTP.
import { createServer, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { newId, type Refusal, Transient } from '@loomworks/kernel'
import { type HttpServer, listenOptions, PROBLEM_TYPE, problemOf, shared } from '@loomworks/service-kit'
import { answerRequest, type PipelineParts } from './pipeline.ts'

const HEADERS_BYTES = 16_384
const HEADERS_MOST = 100
const HEADERS_WITHIN_MS = 10_000
const REQUEST_WITHIN_MS = 60_000
const KEEP_ALIVE_MS = 65_000

export interface GatewayServerOptions {
  readonly parts: PipelineParts
  readonly ready: () => Promise<void>
}

export function gatewayServer({ parts, ready }: GatewayServerOptions): HttpServer {
  const server = createServer(
    {
      maxHeaderSize: HEADERS_BYTES,
      headersTimeout: HEADERS_WITHIN_MS,
      requestTimeout: REQUEST_WITHIN_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      requireHostHeader: true,
    },
    (request, response) => void answerRequest(parts, request, response),
  )
  server.maxHeadersCount = HEADERS_MOST
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseRaw(socket, unreadable(error)))
  server.on('connect', (_request, socket) => refuseRaw(socket, shared.not_implemented()))
  const ops = parts.config.opsPort === undefined ? undefined : opsServer(parts, ready)
  return {
    async listen(address) {
      await listening(server, await listenOptions(address))
      if (ops !== undefined) await listening(ops, { host: '127.0.0.1', port: parts.config.opsPort })
    },
    ready,
    async close() {
      parts.streams.endAll()
      await Promise.all([closed(server), ...(ops === undefined ? [] : [closed(ops)])])
      await parts.upstreams.close()
    },
  }
}

/** Numbers and details for operators, on the loopback alone. */
function opsServer({ metrics }: PipelineParts, ready: () => Promise<void>): Server {
  return createServer((request, response) => {
    if (request.url === '/metrics') {
      void metrics.registry.metrics().then((text) => response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(text))
      return
    }
    if (request.url !== '/readyz') return void response.writeHead(404).end()
    void ready().then(
      () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ready: true, dependencies: { identity: 'ok' } })),
      (error: Error) =>
        response.writeHead(503, { 'content-type': 'application/json' }).end(JSON.stringify({ ready: false, dependencies: { identity: error.message } })),
    )
  })
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

function closed(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done())
    server.closeIdleConnections()
  })
}

function unreadable({ code }: NodeJS.ErrnoException): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return shared.headers_too_large()
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? shared.request_timeout() : shared.malformed_request()
}

function refuseRaw(socket: Duplex, refusal: Refusal): void {
  if (!socket.writable || socket.destroyed) return void socket.destroy()
  const requestId = newId()
  const body = JSON.stringify(problemOf(refusal, { instance: '/', requestId }))
  const head = [
    `HTTP/1.1 ${refusal.status} ${refusal.status === 400 ? 'Bad Request' : 'Refused'}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'x-content-type-options: nosniff',
    'cache-control: no-store',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** Ready means: the routes are loaded and identity answers. */
export function readiness(size: number, identityAnswers: () => Promise<unknown>): () => Promise<void> {
  return async () => {
    if (size === 0) throw new Transient('no routes')
    await identityAnswers()
  }
}
