// TLS with HTTP/2, and HTTP/1.1 for who does not speak it, on one port. A request of HTTP/2 is made to look as one of HTTP/1.1 does to the rest of
// the gateway: one host, a body that says whether it is there, an answer that can be cut off.
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http'
import { constants, createSecureServer, Http2ServerRequest, Http2ServerResponse, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

export interface TlsFiles {
  readonly cert: Buffer
  readonly key: Buffer
}

const STREAMS_AT_ONCE = 100
const IDLE_MS = 65_000

export function secureServer(tls: TlsFiles, options: ServerOptions, answer: RequestListener): Server {
  const settings = { maxConcurrentStreams: STREAMS_AT_ONCE, maxHeaderListSize: options.maxHeaderSize ?? 0 }
  const classes = { Http2ServerRequest: PlainRequest, Http2ServerResponse: PlainResponse }
  const { cert, key } = tls
  const server = createSecureServer({ ...options, ...classes, cert, key, settings, allowHTTP1: true, minVersion: 'TLSv1.2' })
  const connections = new Connections()
  server.on('session', (session: ServerHttp2Session) => connections.spoken(session))
  server.on('secureConnection', (socket: Socket) => connections.made(socket))
  // A session that does what it must not is ended by Node; nobody here has to know.
  server.on('sessionError', () => undefined)
  server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
    request.on('error', () => undefined)
    // Both have what the gateway uses of their likes in HTTP/1.1: that is what the two classes below are for.
    answer(request as unknown as InstanceType<typeof IncomingMessage>, response as unknown as ServerResponse)
  })
  // Node's own knows those of HTTP/1.1, and not the sessions.
  const idleOfHttp1 = (server as unknown as Server).closeIdleConnections.bind(server)
  const ended = {
    closeAllConnections: () => connections.cut(),
    closeIdleConnections() {
      idleOfHttp1()
      connections.leave()
    },
  }
  return Object.assign(server, ended) as unknown as Server
}

/** What is open, by how it is spoken: sessions say good-bye and end with their streams, connections are cut. */
class Connections {
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #sockets = new Set<Socket>()

  made(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  spoken(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.setTimeout(IDLE_MS, () => session.close())
    session.on('error', () => undefined)
    session.once('close', () => this.#sessions.delete(session))
  }

  leave(): void {
    for (const session of this.#sessions) if (!session.closed) session.close()
  }

  cut(): void {
    for (const session of this.#sessions) session.destroy()
    for (const socket of this.#sockets) socket.destroy()
  }
}

class PlainRequest extends Http2ServerRequest {
  constructor(...[stream, headers, options, rawHeaders]: ConstructorParameters<typeof Http2ServerRequest>) {
    super(stream, headers, options, named(rawHeaders))
    this.headers.host ??= headers[':authority']
    if (!hasEnded(stream as ServerHttp2Stream) && headers['content-length'] === undefined) this.headers['transfer-encoding'] = 'chunked'
  }
}

/** Was its head all the client had to say? */
function hasEnded(stream: ServerHttp2Stream): boolean {
  return (stream as ServerHttp2Stream & { readonly endAfterHeaders: boolean }).endAfterHeaders
}

/** The headers with `:authority` as the host it is. Said twice and alike it is said once; said in two ways it stays two hosts. */
function named(rawHeaders: readonly string[]): string[] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']
    const own = name === ':authority' ? 'host' : name
    const repeated = own === 'host' && pairs.some(([known, host]) => known === 'host' && host === value)
    if (!own.startsWith(':') && !repeated) pairs.push([own, value])
  }
  return pairs.flat()
}

class PlainResponse extends Http2ServerResponse {
  constructor(stream: ServerHttp2Stream) {
    super(stream)
    // Promised by the type and not there.
    Object.defineProperty(this, 'destroyed', { get: () => stream.destroyed })
  }

  // There are no headers of one connection in HTTP/2 (RFC 9113 §8.2.2).
  override writeHead(status: number, ...rest: never[]): this {
    const headers = rest.at(-1) as Readonly<Record<string, string>> | readonly string[] | undefined
    const pairs = Array.isArray(headers) ? pairsOf(headers) : Object.entries(headers ?? {})
    for (const [name, value] of pairs) if (name.toLowerCase() !== 'connection') this.setHeader(name, value)
    return super.writeHead(status)
  }

  /** An answer before the end of the body ends the stream too, or the body could come for ever (RFC 9113 §8.1). */
  override end(...written: never[]): this {
    super.end(...written)
    if (!hasEnded(this.stream) && !this.req.complete) this.stream.close(constants.NGHTTP2_NO_ERROR)
    return this
  }

  /** Half an answer must be seen to be one. */
  override destroy(): this {
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return this
  }
}

function pairsOf(list: readonly string[]): readonly (readonly [string, string])[] {
  return Array.from({ length: list.length / 2 }, (_, at) => [list[at * 2] ?? '', list[at * 2 + 1] ?? ''] as const)
}
