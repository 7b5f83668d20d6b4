// Hands a request to the service that owns it and its answer back, both as streams: nothing is buffered, the owner validates.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, type Readable, Transform } from 'node:stream'
import { type Refusal, Transient } from '@loomworks/kernel'
import { shared, TOKEN_REFUSED } from '@loomworks/service-kit'
import { type Dispatcher, errors, type Pool } from 'undici'
import { type Head, hasBody, isUnread } from '../request-head.ts'
import type { Route } from '../routes.ts'

export interface Passing {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly head: Head
  readonly route: Route
  readonly address: string
  readonly token: string
  /** Headers of every answer: request id, security, CORS, rate. */
  readonly headers: Readonly<Record<string, string>>
}

/** Resolves when the answer is out; rejects with a refusal while nothing of it is, so that a problem can still be sent. */
export function dispatch(pool: Pool, passing: Passing): Promise<void> {
  return new Promise((done, failed) => {
    pool.dispatch(requestOf(passing, failed), new Answer(passing, done, failed))
  })
}

function requestOf(passing: Passing, failed: (error: unknown) => void): Dispatcher.DispatchOptions {
  const { request, head, route } = passing
  const body = hasBody(request) ? bodyOf(passing, failed) : null
  const length = request.headers['content-length']
  return {
    method: head.method as Dispatcher.HttpMethod,
    path: head.target,
    headers: [...head.passed, ...trustedHeaders(passing), ...(body !== null && length !== undefined ? ['content-length', length] : [])],
    body,
    headersTimeout: route.timeoutMs,
    bodyTimeout: route.limits.stream ? 0 : route.timeoutMs,
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

class Answer implements Dispatcher.DispatchHandler {
  readonly #passing: Passing
  readonly #done: () => void
  readonly #failed: (error: unknown) => void
  /** The service has said all it will say. */
  #whole = false

  constructor(passing: Passing, done: () => void, failed: (error: unknown) => void) {
    this.#passing = passing
    this.#done = done
    this.#failed = failed
  }

  /** A client that leaves ends the work behind it, and so does a session whose stream is ended. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { response } = this.#passing
    const leave = () => {
      if (!this.#whole) controller.abort(new errors.RequestAbortedError('client left'))
    }
    if (response.destroyed) leave()
    else response.once('close', leave)
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number, answered: Record<string, string | string[] | undefined>): void {
    const { response, headers, request } = this.#passing
    // A request that waited long outlives its token: the client is told to come again, and is no stranger.
    if (answered[TOKEN_REFUSED] !== undefined) return void controller.abort(new Transient('the internal token was refused'))
    if (statusCode < 200 || response.destroyed) return
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
    const { response } = this.#passing
    if (response.writableEnded || response.destroyed || response.write(chunk)) return
    controller.pause()
    response.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    const { request, response } = this.#passing
    this.#whole = true
    response.end()
    if (!request.complete) request.resume()
    this.#done()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { response } = this.#passing
    this.#whole = true
    if (!response.headersSent && !response.destroyed) {
      this.#failed(refusalOf(error))
      return
    }
    // Half an answer is out: the client must see that it is not whole. A stream that was ended is whole.
    if (!response.writableEnded) response.destroy()
    this.#done()
  }
}

/** What an upstream's trouble means to the client. */
function refusalOf(error: Error): Refusal | Transient {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) return shared.upstream_timeout()
  if (error instanceof errors.HTTPParserError || error instanceof errors.ResponseContentLengthMismatchError) return shared.upstream_invalid()
  // What our parser let pass and the client of the service would not send: a header that is none.
  if (error instanceof errors.InvalidArgumentError || error instanceof errors.RequestContentLengthMismatchError) return shared.malformed_request()
  return new Transient(error.message, { cause: error })
}
