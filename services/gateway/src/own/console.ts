// The console: files that are read once and handed out. A name under assets/ holds its content's hash and may be kept for ever; every other address
// below /console/ is a page of it and gets the same document, which decides what to show.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { extname, join, sep } from 'node:path'

export interface FileAnswer {
  readonly status: 200 | 304 | 308
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

export interface ConsoleFiles {
  /** What stands at an address; undefined where the console has nothing there. */
  find(path: string, headers: IncomingHttpHeaders): FileAnswer | undefined
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
/** Nothing but the deployment's own: no script or style in a page, nothing from elsewhere, in nobody's frame. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
const PAGE_HEADERS = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'publickey-credentials-get=(self), publickey-credentials-create=(self), microphone=(self)',
  'cache-control': 'no-cache',
}
const FOR_EVER = { 'cache-control': 'public, max-age=31536000, immutable' }
const A_DAY = { 'cache-control': 'public, max-age=86400' }
const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

interface File {
  readonly type: string
  readonly plain: Buffer
  readonly encoded: ReadonlyMap<string, Buffer>
  readonly etag: string
  readonly headers: Readonly<Record<string, string>>
}

const NONE: ConsoleFiles = { find: () => undefined }

/** Reads the files of a folder; a folder that is not there is a deployment without a console. */
export function consoleFiles(folder: string | undefined): ConsoleFiles {
  if (folder === undefined || !existsSync(join(folder, 'index.html'))) return NONE
  const files = new Map(namesIn(folder).map((name) => [`/console/${name}`, fileOf(folder, name)]))
  const page = files.get('/console/index.html')
  if (page === undefined) return NONE
  return {
    find(path, headers) {
      if (path === '/console') return { status: 308, headers: { location: '/console/' }, body: undefined }
      const file = files.get(path) ?? (isPage(path, headers) ? page : undefined)
      return file && answered(file, headers)
    },
  }
}

function namesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(sep).join('/'))
    .filter((name) => extname(name) in TYPES)
}

function fileOf(folder: string, name: string): File {
  const plain = readFileSync(join(folder, name))
  const encoded = ENCODINGS.flatMap(([encoding, suffix]) => {
    const path = join(folder, `${name}${suffix}`)
    return existsSync(path) ? [[encoding, readFileSync(path)] as const] : []
  })
  const extension = extname(name)
  return {
    type: TYPES[extension] ?? 'application/octet-stream',
    plain,
    encoded: new Map(encoded),
    etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
    headers: extension === '.html' ? PAGE_HEADERS : name.startsWith('assets/') ? FOR_EVER : A_DAY,
  }
}

/** `/` is a page for whom asks for one; programs get the index. What looks like a file and is none is nothing. */
function isPage(path: string, { accept = '' }: IncomingHttpHeaders): boolean {
  if (path === '/') return accept.includes('text/html')
  return path === '/claim' || (path.startsWith('/console/') && !path.slice(path.lastIndexOf('/')).includes('.'))
}

function answered({ type, plain, encoded, etag, headers }: File, asked: IncomingHttpHeaders): FileAnswer {
  const told = { ...headers, etag, vary: 'accept-encoding' }
  if (asked['if-none-match'] === etag) return { status: 304, headers: told, body: undefined }
  const wanted = encodingOf(asked['accept-encoding'], encoded)
  const body = encoded.get(wanted) ?? plain
  return {
    status: 200,
    headers: { ...told, 'content-type': type, 'content-length': String(body.length), ...(wanted !== '' && { 'content-encoding': wanted }) },
    body,
  }
}

/** The smallest that the client takes (RFC 9110 §12.5.3; one it gives q=0 is refused). */
function encodingOf(accepted: string | string[] | undefined, encoded: ReadonlyMap<string, Buffer>): string {
  const names = new Set(
    String(accepted ?? '')
      .split(',')
      .map((part) => part.trim().toLowerCase())
      .filter((part) => !/;\s*q=0(?:\.0*)?$/.test(part))
      .map((part) => part.split(';', 1)[0] ?? ''),
  )
  return [...encoded.keys()].find((name) => names.has(name)) ?? ''
}
