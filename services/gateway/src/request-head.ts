// The head of a request as it came, before anything is believed: one host, a plain path, which credentials, what may be passed on.
import type { IncomingMessage } from 'node:http'
import { newId } from '@loomworks/kernel'
import { childTrace, shared } from '@loomworks/service-kit'

export interface Head {
  readonly requestId: string
  /** The client's own id of the request, to be told back. */
  readonly clientRequestId: string | undefined
  readonly traceparent: string
  readonly method: string
  readonly path: string
  /** Path and query, as sent. */
  readonly target: string
  /** Headers for the service, in pairs; whatever a service trusts, or belongs to this hop alone, is not among them. */
  readonly passed: readonly string[]
  readonly authorization: string | undefined
  readonly cookie: string | undefined
}

const TARGET_MAX = 8192
const HEADERS_MOST = 100

// Names that services trust, that belong to this connection alone (RFC 9110 §7.6.1), or that carry credentials.
const NOT_PASSED = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'traceparent',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-client-authorization',
  'x-client-ip',
  'x-deadline-ms',
  'x-real-ip',
  'x-request-id',
])
const NOT_PASSED_PREFIX = /^x-(?:internal|forwarded)-/

/** Reads the head. 400 `malformed_request` for no host or two and for a target that is no path, 400 `ambiguous_credentials` for two
 *  credentials of one kind, 414 `target_too_long`, 431 `headers_too_large`, 501 for what is not plain HTTP/1.1. */
export function headOf(request: IncomingMessage, { requestId, clientRequestId }: RequestIds): Head {
  const target = request.url ?? ''
  requirePlain(request)
  if (target.length > TARGET_MAX) throw shared.target_too_long()
  if (!target.startsWith('/') || /[^\x21-\x7e]|[#\\]/.test(target)) throw shared.malformed_request()
  const { headers } = request
  const asked = target.indexOf('?')
  return {
    requestId,
    clientRequestId,
    traceparent: childTrace(typeof headers.traceparent === 'string' ? headers.traceparent : undefined),
    method: request.method ?? '',
    path: asked < 0 ? target : target.slice(0, asked),
    target,
    passed: passedOf(request),
    authorization: headers.authorization,
    cookie: headers.cookie,
  }
}

/** What two parsers could read in two ways is read in none: HTTP/1.0, codings of the body but `chunked`, expectations but the one. */
function requirePlain({ httpVersion, method, rawHeaders, headers }: IncomingMessage): void {
  if ((httpVersion !== '1.1' && httpVersion !== '2.0') || method === 'TRACE') throw shared.not_implemented()
  if (rawHeaders.length > HEADERS_MOST * 2) throw shared.headers_too_large()
  const { 'transfer-encoding': coding, expect } = headers
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') throw shared.not_implemented()
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') throw shared.malformed_request()
}

export type RequestIds = Pick<Head, 'requestId' | 'clientRequestId'>

/** The id of a request is always ours; the client's, where it is 1 to 128 visible ASCII characters, is told back beside it. */
export function idsOf({ headers }: IncomingMessage): RequestIds {
  const theirs = headers['x-request-id']
  return { requestId: newId(), clientRequestId: typeof theirs === 'string' && /^[\x21-\x7e]{1,128}$/.test(theirs) ? theirs : undefined }
}

function passedOf({ rawHeaders, headers }: IncomingMessage): readonly string[] {
  const perHop = perHopOf(headers.connection)
  const passed: string[] = []
  let hosts = 0
  let authorizations = 0
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    if (name === 'host') hosts++
    if (name === 'authorization') authorizations++
    if (NOT_PASSED.has(name) || NOT_PASSED_PREFIX.test(name) || perHop.includes(name)) continue
    passed.push(name, rawHeaders[at + 1] ?? '')
  }
  if (hosts !== 1) throw shared.malformed_request()
  if (authorizations > 1) throw shared.ambiguous_credentials()
  return passed
}

const NONE: readonly string[] = []

/** The headers that the client says belong to this connection alone. */
function perHopOf(connection: string | undefined): readonly string[] {
  if (connection === undefined || connection === 'keep-alive') return NONE
  return connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0')
}

const SMALL_BYTES = 65_536

/** Is more of the body still to come than is worth reading for the connection's sake? */
export function isUnread(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete && !(Number(request.headers['content-length']) <= SMALL_BYTES)
}
