// Hands a request to the service that owns it and its answer back, both as streams: nothing is buffered, the owner validates.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import { type Refusal, Transient } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Dispatcher, errors, type Pool } from 'undici'
import type { Head } from '../request-head.ts'
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

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0')
}

/** A body whose length was not said is counted while it passes. */
function bodyOf({ request, route }: Passing, failed: (error: unknown) => void): Readable {
  if (request.headers['content-length'] !== undefined) return request
  let bytes = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length
      if (bytes <= route.bodyBytes) return next(null, chunk)
      failed(shared.body_too_large())
      next(new errors.RequestAbortedError('body too large'))
    },
  })
  request.on('error', () => counted.destroy())
  return request.pipe(counted)
}

// Of an answer: what belongs to the connection to the service, and what only concerns it and us.
const KEPT_BACK = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'trailer', 'proxy-authenticate', 'date', 'server'])

class Answer implements Dispatcher.DispatchHandler {
  readonly #passing: Passing
  readonly #done: () => void
  readonly #failed: (error: unknown) => void

  constructor(passing: Passing, done: () => void, failed: (error: unknown) => void) {
    this.#passing = passing
    this.#done = done
    this.#failed = failed
  }

  /** A client that leaves ends the work behind it. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { response } = this.#passing
    response.once('close', () => {
      if (!response.writableFinished) controller.abort(new errors.RequestAbortedError('client left'))
    })
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number, answered: Record<string, string | string[] | undefined>): void {
    const { response, headers } = this.#passing
    if (statusCode < 200) return
    for (const name in answered) {
      const value = answered[name]
      if (value !== undefined && !KEPT_BACK.has(name) && !name.startsWith('x-internal-')) response.setHeader(name, value)
    }
    // How long an answer may be kept is its owner's to say; everything else here is ours.
    for (const name in headers) if (name !== 'cache-control' || answered[name] === undefined) response.setHeader(name, headers[name] ?? '')
    response.writeHead(statusCode)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.#passing
    if (response.write(chunk)) return
    controller.pause()
    response.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#passing.response.end()
    this.#done()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { response } = this.#passing
    if (response.headersSent) {
      // Half an answer is out: the client must see that it is not whole.
      response.destroy()
      this.#done()
    } else this.#failed(refusalOf(error))
  }
}

/** What an upstream's trouble means to the client. */
function refusalOf(error: Error): Refusal | Transient {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) return shared.upstream_timeout()
  if (error instanceof errors.HTTPParserError) return shared.upstream_invalid()
  return new Transient(error.message, { cause: error })
}
