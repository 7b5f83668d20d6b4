// The routes of the gateway are the operations of the merged OpenAPI document, one by one. A path is what was sent, letter by letter:
// another case, a trailing or doubled slash, an encoded letter, a dot segment is another path.
import type { ServiceName } from '@loomworks/kernel'
import type { Authz, Deprecation, Limits, OpenApi, RateClass } from '@loomworks/service-kit'

export interface Route {
  readonly id: string
  readonly owner: ServiceName
  readonly authz: Authz
  readonly limits: Limits
  readonly rate: RateClass
  readonly timeoutMs: number
  readonly bodyBytes: number
  /** Headers that tell of a later operation and the last day of this one. */
  readonly notice: Readonly<Record<string, string>> | undefined
}

interface Node {
  readonly literal: Map<string, Node>
  parameter: Node | undefined
  readonly routes: Map<string, Route>
}

export type Found = { readonly route: Route } | { readonly allow: readonly string[] } | undefined

const TIMEOUT_MS = 10_000
const BODY_BYTES = 1_048_576

export class RouteTable {
  readonly #root = node()
  readonly size: number

  constructor(document: OpenApi) {
    let size = 0
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const limits = operation['x-limits']
        this.#at(path).routes.set(method.toUpperCase(), {
          id: operation.operationId,
          owner: operation['x-owner'],
          authz: operation['x-authz'] as Authz,
          limits,
          rate: limits.rate ?? rateByPath(path),
          timeoutMs: limits.timeoutMs ?? TIMEOUT_MS,
          bodyBytes: limits.bodyBytes ?? BODY_BYTES,
          notice: noticeOf(operation['x-deprecation']),
        })
        size++
      }
    }
    this.size = size
  }

  /** The route of a request; the methods there are when it is not this one; nothing where there is no such path. */
  find(method: string, path: string): Found {
    let at: Node | undefined = this.#root
    for (const segment of path.slice(1).split('/')) {
      at = at.literal.get(segment) ?? (isValue(segment) ? at.parameter : undefined)
      if (at === undefined) return undefined
    }
    const route = at.routes.get(method)
    if (route !== undefined) return { route }
    return at.routes.size === 0 ? undefined : { allow: [...at.routes.keys()] }
  }

  #at(path: string): Node {
    let at = this.#root
    for (const segment of path.slice(1).split('/')) {
      if (segment.startsWith('{')) at = at.parameter ??= node()
      else {
        const next = at.literal.get(segment) ?? node()
        at.literal.set(segment, next)
        at = next
      }
    }
    return at
  }
}

function node(): Node {
  return { literal: new Map(), parameter: undefined, routes: new Map() }
}

/** A parameter is not empty, no dot segment, and hides no slash. */
function isValue(segment: string): boolean {
  return segment !== '' && !/^(?:\.|%2e){1,2}$/i.test(segment) && !/%(?:2f|5c|00)|\\/i.test(segment)
}

function rateByPath(path: string): RateClass {
  if (path.startsWith('/auth/')) return 'auth'
  return path.startsWith('/claim/') ? 'claim' : 'default'
}

/** RFC 9745 says since when, RFC 8594 until when; the link leads to the operation that replaces it. */
function noticeOf(deprecation: Deprecation | undefined): Route['notice'] {
  if (deprecation === undefined) return undefined
  const { since, sunset, instead } = deprecation
  return {
    deprecation: `@${Date.parse(since) / 1000}`,
    sunset: new Date(Date.parse(sunset)).toUTCString(),
    link: `</docs#${instead}>; rel="successor-version"`,
  }
}
