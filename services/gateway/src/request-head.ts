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

/** Reads the head. 400 `malformed_request` for two hosts or a target that is no path, 414 `target_too_long`. */
export function headOf(request: IncomingMessage): Head {
  const target = request.url ?? ''
  if (target.length > TARGET_MAX) throw shared.target_too_long()
  if (!target.startsWith('/') || /[^\x21-\x7e]|[#\\]/.test(target)) throw shared.malformed_request()
  const { headers } = request
  const asked = target.indexOf('?')
  return {
    ...idsOf(request),
    traceparent: childTrace(typeof headers.traceparent === 'string' ? headers.traceparent : undefined),
    method: request.method ?? '',
    path: asked < 0 ? target : target.slice(0, asked),
    target,
    passed: passedOf(request),
    authorization: headers.authorization,
    cookie: headers.cookie,
  }
}

/** The id of a request is always ours; the client's, where it is 1 to 128 visible ASCII characters, is told back beside it. */
export function idsOf({ headers }: IncomingMessage): Pick<Head, 'requestId' | 'clientRequestId'> {
  const theirs = headers['x-request-id']
  return { requestId: newId(), clientRequestId: typeof theirs === 'string' && /^[\x21-\x7e]{1,128}$/.test(theirs) ? theirs : undefined }
}

function passedOf({ rawHeaders, headers }: IncomingMessage): readonly string[] {
  const perHop = (headers.connection ?? '').toLowerCase().split(',')
  const passed: string[] = []
  let hosts = 0
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    if (name === 'host') hosts++
    if (NOT_PASSED.has(name) || NOT_PASSED_PREFIX.test(name) || perHop.some((each) => each.trim() === name)) continue
    passed.push(name, rawHeaders[at + 1] ?? '')
  }
  if (hosts > 1) throw shared.malformed_request()
  return passed
}
