// Hands a request to the service that owns it and its answer back, both as streams: nothing is buffered, the owner validates. What only
// reads, and of whose answer not a byte has come, may be tried once more; a write goes out once.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, type Readable, Transform } from 'node:stream'
import { Refusal, Transient } from '@loomworks/kernel'
import { shared, TOKEN_REFUSED } from '@loomworks/service-kit'
import { type Dispatcher, errors } from 'undici'
import { type Head, hasBody, isUnread } from '../request-head.ts'
import type { Route } from '../routes.ts'
import type { Outcome } from './breaker.ts'
import type { Upstream, Upstreams } from './upstreams.ts'

export interface Passing {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly head: Head
  readonly route: Route
  readonly address: string
  readonly token: string
  /** When the answer must be there, on the clock of `performance.now()`. */
  readonly deadlineMs: number
  /** Headers of every answer: request id, security, CORS, rate. */
  readonly headers: Readonly<Record<string, string>>
  /** Told of each piece of a stream that goes out. */
  readonly passes?: (chunk: Buffer) => void
}

/** Resolves when the answer is out; rejects with a refusal while nothing of it is, so that a problem can still be sent. */
export async function dispatch(upstreams: Upstreams, passing: Passing): Promise<void> {
  const upstream = upstreams.of(passing.route.owner)
  const once = () => tried(upstream, passing, (outcome, turn) => upstreams.ended(upstream, outcome, turn))
  upstream.retries.sent()
  try {
    await once().catch((error: unknown) => {
      if (!isUnanswered(error) || !mayBeRepeated(passing) || !upstreams.mayRetry(upstream)) throw error
      return once()
    })
  } catch (error) {
    throw refusalOf(error)
  }
}

function mayBeRepeated({ head, request, response }: Passing): boolean {
  return head.method === 'GET' && !hasBody(request) && !response.destroyed
}

/** Sends the request once, unless the service is left alone for now. */
async function tried({ pool, streams, breaker }: Upstream, passing: Passing, told: (outcome: Outcome, turn: number) => void): Promise<void> {
  const leftMs = breaker.enter()
  if (leftMs !== undefined) throw shared.dependency_down(undefined, Math.ceil(leftMs / 1000))
  const { turn } = breaker
  const ended = (outcome: Outcome) => told(outcome, turn)
  return new Promise((done, failed) => {
    const connections = passing.route.limits.stream ? streams : pool
    const body = hasBody(passing.request) ? bodyOf(passing, failed) : null
    // What finding out who asks has taken is gone; a moment is left in any case, or the refusal would be ours.
    const restMs = Math.max(1, Math.ceil(passing.deadlineMs - performance.now()))
    const answer = new Answer(passing, { done, failed, ended })
    answer.beginWithin(restMs, body)
    connections.dispatch(requestOf(passing, body, restMs), answer)
  })
}

function requestOf(passing: Passing, body: Readable | null, restMs: number): Dispatcher.DispatchOptions {
  const { request, head, route } = passing
  const length = request.headers['content-length']
  const headers = [...head.passed, ...trustedHeaders(passing)]
  if (!route.limits.stream) headers.push('x-deadline-ms', String(restMs))
  if (body !== null && length !== undefined) headers.push('content-length', length)
  return {
    method: head.method as Dispatcher.HttpMethod,
    path: head.target,
    headers,
    body,
    // Of the client of the service it begins when the whole body is out; ours runs from the start, see `beginWithin`.
    headersTimeout: 0,
    bodyTimeout: route.limits.stream ? 0 : restMs,
  }
}

/** What services believe, because only we can say it. Identity also reads the client's own credentials, for signup and log-out. */
function trustedHeaders({ head, route, address, token }: Passing): string[] {
  const own = ['authorization', `Bearer ${token}`, 'x-request-id', head.requestId, 'x-client-ip', address, 'traceparent', head.traceparent]
  if (route.owner !== 'identity' || !head.path.startsWith('/auth/')) return own
  if (head.cookie !== undefined) own.push('cookie', head.cookie)
  if (head.authorization !== undefined) own.push('x-client-authorization', head.authorization)
  return own
}

/** The body on a stream of its own: the client of the service destroys what it cannot send, and the request's own stream would take
 *  the client's socket with it, the answer included. One whose length was not said is counted while it passes. */
function bodyOf({ request, route }: Passing, failed: (error: unknown) => void): Readable {
  const passing = request.headers['content-length'] === undefined ? counting(route.bodyBytes, failed) : new PassThrough()
  request.once('error', () => passing.destroy())
  return request.pipe(passing)
}

function counting(most: number, failed: (error: unknown) => void): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length
      if (bytes <= most) return next(null, chunk)
      failed(shared.body_too_large())
      next(new errors.RequestAbortedError('body too large'))
    },
  })
}

// Of an answer: what belongs to the connection to the service, and what only concerns it and us.
const KEPT_BACK = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'trailer', 'proxy-authenticate', 'date', 'server'])

/** How long an answer may be kept is its owner's to say; every other header we set is ours alone. */
function isOurs(name: string, headers: Readonly<Record<string, string>>): boolean {
  return (name in headers && name !== 'cache-control') || name.startsWith('x-internal-')
}

interface Ends {
  readonly done: () => void
  readonly failed: (error: unknown) => void
  /** Told once, as soon as it is known how the service did. */
  readonly ended: (outcome: Outcome) => void
}

const FAILURES = new Set([502, 503, 504])

class Answer implements Dispatcher.DispatchHandler {
  readonly #passing: Passing
  readonly #ends: Ends
  /** The service has said all it will say. */
  #whole = false
  #told = false
  /** Bytes of the body, where the service said how many. */
  #length = Number.NaN
  #controller: Dispatcher.DispatchController | undefined
  #deadline: NodeJS.Timeout | undefined
  /** Why nothing is waited for any more. */
  #over: Refusal | undefined

  constructor(passing: Passing, ends: Ends) {
    this.#passing = passing
    this.#ends = ends
  }

  #tell(outcome: Outcome): void {
    if (!this.#told) this.#ends.ended(outcome)
    this.#told = true
  }

  /** The answer begins in so many milliseconds, or there is none: also where the request waits for a connection, or the client takes its time
   *  over the body. 408 `request_timeout` where it was the client that was waited for, else 504 `upstream_timeout`. */
  beginWithin(restMs: number, body: Readable | null): void {
    this.#deadline = setTimeout(() => {
      const { request } = this.#passing
      const started = this.#controller !== undefined
      const clientIsSlow = started && body !== null && !request.complete && body.readableLength === 0
      this.#over = clientIsSlow ? shared.request_timeout() : shared.upstream_timeout()
      // What was never sent says nothing of the service, and no more does a client that is slow.
      this.#tell(started && !clientIsSlow ? 'failed' : 'left')
      this.#ends.failed(this.#over)
      this.#controller?.abort(this.#over)
      body?.destroy()
    }, restMs)
  }

  /** A client that leaves ends the work behind it, and so does a session whose stream is ended. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#over !== undefined) return void controller.abort(this.#over)
    this.#controller = controller
    const { response } = this.#passing
    const leave = () => {
      if (!this.#whole) controller.abort(new errors.RequestAbortedError('client left'))
    }
    if (response.destroyed) leave()
    else response.once('close', leave)
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number, answered: Record<string, string | string[] | undefined>): void {
    const { response, headers, request } = this.#passing
    if (statusCode >= 200) {
      clearTimeout(this.#deadline)
      this.#tell(FAILURES.has(statusCode) ? 'failed' : 'answered')
    }
    // A request that waited long outlives its token: the client is told to come again, and is no stranger.
    if (answered[TOKEN_REFUSED] !== undefined) return void controller.abort(new Transient('the internal token was refused'))
    if (statusCode < 200 || response.destroyed) return
    this.#length = Number(answered['content-length'])
    const told: (string | string[])[] = []
    for (const name in answered) {
      const value = answered[name]
      if (value !== undefined && !KEPT_BACK.has(name) && !isOurs(name, headers)) told.push(name, value)
    }
    for (const name in headers) if (name !== 'cache-control' || answered[name] === undefined) told.push(name, headers[name] ?? '')
    // An answer before the end of the body: what is left of it is not waited for.
    if (isUnread(request)) told.push('connection', 'close')
    // Node's type knows one kind of value only; a list of pairs takes both (documented at `writeHead`).
    response.writeHead(statusCode, told as string[])
    // The head goes out before the first event of a stream is there.
    if (this.#passing.route.limits.stream) response.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response, passes } = this.#passing
    if (response.writableEnded || response.destroyed) return
    passes?.(chunk)
    if (chunk.length === this.#length) return void this.#end(chunk)
    if (response.write(chunk)) return
    controller.pause()
    response.once('drain', () => controller.resume())
  }

  /** A body that came in one piece goes out in one write with its head: as text of the head's own coding, which changes no byte. */
  #end(body: Buffer): void {
    this.#whole = true
    this.#passing.response.end(body.toString('latin1'), 'latin1')
  }

  onResponseEnd(): void {
    const { request, response } = this.#passing
    this.#whole = true
    if (!response.writableEnded) response.end()
    if (!request.complete) request.resume()
    this.#ends.done()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { response } = this.#passing
    clearTimeout(this.#deadline)
    this.#whole = true
    if (this.#over !== undefined) return
    this.#tell(error instanceof errors.RequestAbortedError || isOfTheClient(error) ? 'left' : 'failed')
    if (!response.headersSent && !response.destroyed) {
      this.#ends.failed(error)
      return
    }
    // Half an answer is out: the client must see that it is not whole. A stream that was ended is whole.
    if (!response.writableEnded) response.destroy()
    this.#ends.done()
  }
}

/** What our parser let pass and the client of the service would not send: a header that is none. */
function isOfTheClient(error: unknown): boolean {
  return error instanceof errors.InvalidArgumentError || error instanceof errors.RequestContentLengthMismatchError
}

/** The connection could not be made, or ended before a byte of an answer had come. */
function isUnanswered(error: unknown): boolean {
  return error instanceof errors.ConnectTimeoutError || error instanceof errors.SocketError || CONNECTION_CODES.has(codeOf(error))
}

const CONNECTION_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'])

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** What an upstream's trouble means to the client. */
function refusalOf(error: unknown): Refusal | Transient {
  if (error instanceof Refusal || error instanceof Transient) return error
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) return shared.upstream_timeout()
  if (error instanceof errors.HTTPParserError || error instanceof errors.ResponseContentLengthMismatchError) return shared.upstream_invalid()
  if (isOfTheClient(error)) return shared.malformed_request()
  return new Transient(error instanceof Error ? error.message : String(error), { cause: error })
}
