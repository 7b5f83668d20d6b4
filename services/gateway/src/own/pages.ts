// What the gateway answers itself: an index, the document of the whole API, and what tells a machine how this deployment is.
import { createHash } from 'node:crypto'
import type { OpenApi, OpenApiOperation } from '@loomworks/service-kit'
import type { GatewayConfig } from '../config.ts'

export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Pages = ReadonlyMap<string, () => Page | Promise<Page>>

export interface PagesOptions {
  readonly document: OpenApi
  readonly config: GatewayConfig
  /** Resolves when requests can be answered. */
  readonly ready: () => Promise<void>
}

const json = (body: object, status = 200): Page => ({ status, type: 'application/json; charset=utf-8', body: JSON.stringify(body) })
const YEAR_MS = 365 * 86_400_000

export function pagesOf({ document, config, ready }: PagesOptions): Pages {
  const openapi = json(document)
  const docs = docsPage(document)
  const passkeys = `${config.publicOrigin}/console/settings/passkeys`
  const securityTxt = `Contact: ${config.securityContact}\nExpires: ${new Date(Date.now() + YEAR_MS).toISOString()}\nCanonical: ${config.publicOrigin}/.well-known/security.txt\n`
  return new Map<string, () => Page | Promise<Page>>([
    ['/', () => json({ name: 'Loomworks', docs: '/docs', openapi: '/openapi.json', ready: '/readyz' })],
    ['/openapi.json', () => openapi],
    ['/docs', () => docs],
    ['/livez', () => json({ ok: true })],
    [
      '/readyz',
      () =>
        ready().then(
          () => json({ ready: true }),
          () => json({ ready: false }, 503),
        ),
    ],
    ['/.well-known/webauthn', () => json({ origins: config.allowedOrigins })],
    ['/.well-known/passkey-endpoints', () => json({ enroll: passkeys, manage: passkeys })],
    ['/.well-known/security.txt', () => ({ status: 200, type: 'text/plain; charset=utf-8', body: securityTxt })],
  ])
}

const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}code{font:13px ui-monospace,monospace}dt{margin-top:.8rem}dd{margin:0 0 0 1.5rem}'

/** The operations as a page a person can read, by the service that answers: no script, and one style that the policy names by its hash. */
function docsPage(document: OpenApi): Page {
  const entries = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ owner: operation['x-owner'], text: docsEntry(method, path, operation) })),
  )
  const sections = [...Map.groupBy(entries, ({ owner }) => owner)].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const text = sections.map(([owner, of]) => `<h2>${owner}</h2><dl>${of.map((each) => each.text).join('')}</dl>`).join('')
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Loomworks API</title><style>${STYLE}</style><h1>Loomworks API</h1><p>${entries.length} operations; the whole document is <a href="/openapi.json">openapi.json</a>.</p>${text}</html>`
  const hash = createHash('sha256').update(STYLE).digest('base64')
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    body,
    headers: { 'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'none'; base-uri 'none'` },
  }
}

/** One operation: who may call it, what it takes, and every code it may answer. */
function docsEntry(method: string, path: string, { operationId, summary, responses, parameters = [], ...operation }: OpenApiOperation): string {
  const { actors = [], scope } = operation['x-authz'] as { actors?: readonly string[]; scope?: string }
  const deprecation = operation['x-deprecation']
  const codes = Object.entries(responses).map(([status, response]) => {
    const listed = (response as { 'x-codes'?: readonly string[] })['x-codes']
    return listed === undefined ? status : `${status} ${listed.join(', ')}`
  })
  const lines = [
    ...(deprecation === undefined ? [] : [`Until ${deprecation.sunset}: use ${deprecation.instead}.`]),
    `For ${actors.join(', ')}${scope === undefined ? '' : `, scope ${scope}`}.`,
    ...(parameters.length === 0 ? [] : [`Takes ${(parameters as readonly { name: string }[]).map(({ name }) => name).join(', ')}.`]),
    `Answers ${codes.join('; ')}.`,
  ]
  const about = lines.map((line) => `<br><small>${escaped(line)}</small>`).join('')
  return `<dt id="${escaped(operationId)}"><code>${method.toUpperCase()} ${escaped(path)}</code></dt><dd>${escaped(summary)}${about}</dd>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
