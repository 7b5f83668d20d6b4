// Pages of other origins (identity page §13.3): a browser sends cookies by itself, so an unsafe call that rides on one must come from
// a page of ours; answers are readable by listed origins alone (Fetch standard, CORS protocol).
import type { IncomingHttpHeaders } from 'node:http'
import { shared } from '@loomworks/service-kit'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** 403 `csrf_rejected` unless the page is listed and, where the browser says so, of the same origin. */
export function requireOwnPage(method: string, headers: IncomingHttpHeaders, origins: readonly string[]): void {
  if (SAFE.has(method)) return
  const site = headers['sec-fetch-site']
  if (headers.origin === undefined || !origins.includes(headers.origin) || (site !== undefined && site !== 'same-origin')) throw shared.csrf_rejected()
}

/** Headers that let a page of a listed origin read the answer. */
export function corsHeaders(origin: string | undefined, origins: readonly string[]): Readonly<Record<string, string>> {
  if (origin === undefined || !origins.includes(origin)) return {}
  return { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'origin', 'access-control-expose-headers': EXPOSED }
}

const EXPOSED = 'x-request-id, retry-after, location, etag, ratelimit, ratelimit-policy, loom-position, idempotency-replayed, deprecation, sunset, link'
const PREFLIGHT_S = 600

/** The answer to a preflight of a listed origin. */
export function preflightHeaders(origin: string | undefined, origins: readonly string[], methods: readonly string[]): Readonly<Record<string, string>> {
  const cors = corsHeaders(origin, origins)
  if (cors['access-control-allow-origin'] === undefined) return { vary: 'origin' }
  return {
    ...cors,
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': 'authorization, content-type, idempotency-key, if-match, last-event-id, traceparent, x-request-id',
    'access-control-max-age': String(PREFLIGHT_S),
  }
}
