// What no browser sends (identity page §13.6): every input ends in a refusal of our shape, and never in a request behind us that the
// gateway did not mean.
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type GatewayBench, gatewayBench } from './gateway-bench.ts'

let bench: GatewayBench

beforeAll(async () => {
  bench = await gatewayBench({ adminUrl: inject('adminUrl'), socket: { headersWithinMs: 250, requestWithinMs: 600 } })
})
afterAll(() => bench[Symbol.asyncDispose]())

interface Heard {
  readonly status: number
  readonly code: string | undefined
  readonly text: string
  /** Status lines on the connection. */
  readonly answers: number
}

const DEADLINE_MS = 8000

/** Everything that is said on one connection until the server, or the first whole answer, ends it. */
function said(...words: (string | Buffer)[]): Promise<Heard> {
  return new Promise((done, failed) => {
    let text = ''
    const socket = connect(bench.port, '127.0.0.1', () => {
      for (const word of words) socket.write(word)
    })
    const late = setTimeout(() => socket.destroy(new Error(`no end; heard: ${text}`)), DEADLINE_MS)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : failed(error)))
    socket.on('close', () => {
      clearTimeout(late)
      done(heardIn(text))
    })
  })
}

function heardIn(text: string): Heard {
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  const code = /"code":"([^"]+)"/.exec(body)?.[1]
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), code, text, answers: [...text.matchAll(/HTTP\/1\.1 \d{3}/g)].length }
}

/** A request that closes its connection, with these lines of its head. */
const get = (target: string, ...lines: string[]) =>
  `GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
const open = '/catalogue/open'
const SMUGGLED = `GET /catalogue/open?smuggled=1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`
const post = (...lines: string[]) =>
  `POST /engagements HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`

test('a plain request passes', async () => {
  expect(await said(get(open))).toMatchObject({ status: 200, answers: 1 })
})

describe('is refused, and reaches no service:', () => {
  const huge = (count: number) => Array.from({ length: count }, (_, at) => `x-${at}: 1`)

  test.each<[string, string | Buffer, number, string]>([
    ['no host', `GET ${open} HTTP/1.1\r\nconnection: close\r\n\r\n`, 400, 'malformed_request'],
    ['two hosts', get(open, 'host: evil.example'), 400, 'malformed_request'],
    ['a whole address', get(`http://localhost${open}`), 400, 'malformed_request'],
    ['another host in a whole address', get('http://evil.example/catalogue/open'), 400, 'malformed_request'],
    ['a doubled slash', get(`/${open}`), 404, 'route_not_found'],
    ['a dot segment', get('/engagements/../catalogue/open'), 404, 'route_not_found'],
    ['a dot segment as a value', get('/engagements/..'), 404, 'route_not_found'],
    ['an encoded dot segment', get('/engagements/%2e%2e'), 404, 'route_not_found'],
    ['an encoded slash', get('/engagements/%2e%2fopen'), 404, 'route_not_found'],
    ['an encoded backslash', get('/engagements/a%5cb'), 404, 'route_not_found'],
    ['an encoded NUL', get('/engagements/a%00b'), 404, 'route_not_found'],
    ['a backslash', get('/engagements\\e1'), 400, 'malformed_request'],
    ['a fragment', get(`${open}#x`), 400, 'malformed_request'],
    ['no path', get('open'), 400, 'malformed_request'],
    ['an asterisk', get('*'), 400, 'malformed_request'],
    ['NUL in the target', get('/catalogue/op\0en'), 400, 'malformed_request'],
    ['CRLF in the target', `GET /catalogue/op\r\nen HTTP/1.1\r\nhost: localhost\r\n\r\n`, 400, 'malformed_request'],
    ['a space in the target', get('/catalogue/op en'), 400, 'malformed_request'],
    ['a tab before the target', get(open).replace('GET ', 'GET\t'), 400, 'malformed_request'],
    ['a method in small letters', get(open).replace('GET', 'get'), 400, 'malformed_request'],
    ['a space before the first header', get(open).replace('host:', ' host:'), 400, 'malformed_request'],
    ['a host in two lines', get(open).replace('host: localhost', 'host: local\r\n host'), 400, 'malformed_request'],
    ['a name of a header with a bracket', get(open, 'x[a]: 1'), 400, 'malformed_request'],
    ['a name of a header above ASCII', Buffer.from(get(open, 'x-\u00e4: 1'), 'latin1'), 400, 'malformed_request'],
    ['bytes above ASCII in the target', Buffer.from(get('/catalogue/\u00e4'), 'latin1'), 400, 'malformed_request'],
    ['NUL in a header', get(open, 'x-a: \0'), 400, 'malformed_request'],
    ['lines that end in LF', get(open).replaceAll('\r\n', '\n'), 400, 'malformed_request'],
    ['one line that ends in LF', `GET ${open} HTTP/1.1\r\nhost: localhost\nx-a: 1\r\nconnection: close\r\n\r\n`, 400, 'malformed_request'],
    ['a head that ends in LF', `GET ${open} HTTP/1.1\r\nhost: localhost\r\n\n${SMUGGLED}`, 400, 'malformed_request'],
    ['CR alone in a header', get(open, 'x-a: 1\rx-b: 2'), 400, 'malformed_request'],
    ['a folded header', get(open, 'x-a: 1', ' folded'), 400, 'malformed_request'],
    ['a space before the colon', get(open, 'x-a : 1'), 400, 'malformed_request'],
    ['a header without a name', get(open, ': 1'), 400, 'malformed_request'],
    ['a header of 20 KB', get(open, `x-a: ${'a'.repeat(20_000)}`), 431, 'headers_too_large'],
    ['200 headers', get(open, ...huge(200)), 431, 'headers_too_large'],
    ['101 headers', get(open, ...huge(99)), 431, 'headers_too_large'],
    ['a target of 9 KB', get(`${open}?${'a'.repeat(9000)}`), 414, 'target_too_long'],
    ['TRACE', get(open).replace('GET', 'TRACE'), 501, 'not_implemented'],
    ['TRACE of nothing', get('/nothing').replace('GET', 'TRACE'), 501, 'not_implemented'],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example\r\n\r\n', 501, 'not_implemented'],
    ['a method nobody knows', get(open).replace('GET', 'BREW'), 400, 'malformed_request'],
    ['Upgrade', `GET ${open} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`, 501, 'not_implemented'],
    [
      'Upgrade to HTTP/2',
      `GET ${open} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n`,
      501,
      'not_implemented',
    ],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed_request'],
    ['HTTP/1.0', `GET ${open} HTTP/1.0\r\nhost: localhost\r\n\r\n`, 501, 'not_implemented'],
    ['HTTP/0.9', `GET ${open}\r\n\r\n`, 501, 'not_implemented'],
    ['a version nobody knows', get(open).replace('HTTP/1.1', 'HTTP/3.7'), 400, 'malformed_request'],
    ['an expectation nobody knows', get(open, 'expect: the-unexpected'), 400, 'malformed_request'],
    ['two authorizations', get(open, 'authorization: Bearer a', 'authorization: Bearer b'), 400, 'ambiguous_credentials'],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'malformed_request'],
  ])('%s', async (_what, words, status, code) => {
    const before = bench.seen.length
    const heard = await said(words)
    expect(heard).toMatchObject({ status, code, answers: 1 })
    expect(heard.text).toMatch(/content-type: application\/problem\+json/i)
    expect(heard.text).toMatch(/x-request-id: [0-9a-f-]{36}/i)
    expect(heard.text).toMatch(/"request_id":"[0-9a-f-]{36}"/)
    expect(bench.seen.length).toBe(before)
  })
})

describe('a body that two parsers could read in two ways is refused, and what is hidden in it is never a request:', () => {
  test.each<[string, string]>([
    ['a length and chunks', `${post('content-length: 4', 'transfer-encoding: chunked')}0\r\n\r\n${SMUGGLED}`],
    ['chunks and a length', `${post('transfer-encoding: chunked', `content-length: ${SMUGGLED.length + 5}`)}0\r\n\r\n${SMUGGLED}`],
    ['two lengths', `${post('content-length: 2', `content-length: ${SMUGGLED.length + 2}`)}{}${SMUGGLED}`],
    ['two lengths in one line', `${post(`content-length: 2, ${SMUGGLED.length + 2}`)}{}${SMUGGLED}`],
    ['a length with a sign', `${post('content-length: +2')}{}${SMUGGLED}`],
    ['a length that is hexadecimal', `${post('content-length: 0x2')}{}${SMUGGLED}`],
    ['a length below nothing', `${post('content-length: -1')}${SMUGGLED}`],
    ['a length beyond all numbers', `${post('content-length: 18446744073709551618')}{}${SMUGGLED}`],
    ['a coding nobody knows', `${post('transfer-encoding: xchunked')}0\r\n\r\n${SMUGGLED}`],
    ['a coding around the chunks', `${post('transfer-encoding: gzip, chunked')}0\r\n\r\n${SMUGGLED}`],
    ['chunks twice', `${post('transfer-encoding: chunked', 'transfer-encoding: chunked')}0\r\n\r\n${SMUGGLED}`],
    ['chunks and then none', `${post('transfer-encoding: chunked, identity')}0\r\n\r\n${SMUGGLED}`],
    ['a space before the colon of the coding', `${post('transfer-encoding : chunked', 'content-length: 5')}0\r\n\r\n${SMUGGLED}`],
    ['two codings in two lines', `${post('transfer-encoding: chunked', 'transfer-encoding: x')}0\r\n\r\n${SMUGGLED}`],
    ['a coding in quotes', `${post('transfer-encoding: "chunked"')}0\r\n\r\n${SMUGGLED}`],
    ['a coding that is empty', `${post('transfer-encoding: ', 'content-length: 5')}0\r\n\r\n${SMUGGLED}`],
    ['a length with a space in it', `${post('content-length: 1 2')}{}${SMUGGLED}`],
    ['a length of two lines', `${post('content-length: 1\r\n 2')}{}${SMUGGLED}`],
    ['two lengths that agree', `${post('content-length: 2', 'content-length: 2')}{}${SMUGGLED}`],
    ['a tab before the coding', `${post('transfer-encoding:\u000bchunked')}0\r\n\r\n${SMUGGLED}`],
  ])('%s', async (_what, words) => {
    const before = bench.seen.length
    const { status, code, answers } = await said(words)
    expect([400, 501]).toContain(status)
    expect(['malformed_request', 'not_implemented']).toContain(code)
    expect(answers).toBe(1)
    expect(bench.seen.length).toBe(before)
  })

  test.each([
    ['with a sign', '+2\r\n{}\r\n'],
    ['in hexadecimal with its mark', '0x2\r\n{}\r\n'],
    ['below nothing', '-2\r\n{}\r\n'],
    ['beyond all numbers', 'ffffffffffffffff2\r\n{}\r\n'],
    ['with a space in it', '0 2\r\n{}\r\n'],
    ['that is empty', '\r\n{}\r\n'],
    ['whose line ends in LF', '2\n{}\r\n'],
    ['whose line ends in CR', '2\r{}\r\n'],
    ['with NUL in its extension', '2;a=\0\r\n{}\r\n'],
    ['whose bytes end in LF', '2\r\n{}\n'],
  ])('a size of a chunk %s ends the connection', async (_what, chunk) => {
    const { text } = await said(`${post('transfer-encoding: chunked', `authorization: Bearer ${bench.token()}`)}${chunk}0\r\n\r\n${SMUGGLED}`)
    expect(text).not.toMatch(/HTTP\/1\.1 2/)
    expect(bench.seen.some(({ url }) => url.includes('smuggled'))).toBe(false)
  })

  test('a request that reads has no body to hide another in', async () => {
    const before = bench.seen.length
    const heard = await said(`${get(open, `content-length: ${SMUGGLED.length}`)}${SMUGGLED}`)
    expect(heard).toMatchObject({ status: 200, answers: 1 })
    // What came before may arrive late; what counts is that this is one request, and the hidden one none.
    expect(bench.seen.slice(before).filter(({ url }) => url.startsWith(open))).toMatchObject([{ method: 'GET', url: open }])
  })

  test.each(['x-client-ip', 'content-length', 'authorization, host', 'x-request-id, traceparent', 'keep-alive, x-internal-actor'])(
    'headers named as of the connection take nothing away that we set: %s',
    async (names) => {
      const body = '{"text":"x"}'
      const heard = await said(
        `${post(`connection: close, ${names}`, 'x-client-ip: 6.6.6.6', 'x-internal-actor: root', `content-length: ${body.length}`, `authorization: Bearer ${bench.token()}`)}${body}`,
      )
      expect(heard).toMatchObject({ status: 201, answers: 1 })
      const { headers } = bench.seen.at(-1) ?? { headers: {} as Record<string, string> }
      expect(headers).toMatchObject({ 'x-client-ip': '127.0.0.1', 'content-length': String(body.length), authorization: expect.stringMatching(/^Bearer ey/) })
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
      expect(headers['x-internal-actor']).toBeUndefined()
    },
  )

  test('a chunk that is longer than it says ends the connection', async () => {
    const token = bench.token()
    const { text } = await said(`${post('transfer-encoding: chunked', `authorization: Bearer ${token}`)}2\r\n{}xx\r\n0\r\n\r\n${SMUGGLED}`)
    expect(text).not.toContain('HTTP/1.1 200')
    expect(bench.seen.some(({ url }) => url.includes('smuggled'))).toBe(false)
  })

  test('an extension of a chunk without end ends the connection', async () => {
    const { text } = await said(`${post('transfer-encoding: chunked', `authorization: Bearer ${bench.token()}`)}2;${'a'.repeat(100_000)}\r\n{}\r\n0\r\n\r\n`)
    expect(text).not.toContain('HTTP/1.1 20')
  })

  test('trailers are read and passed on to nobody', async () => {
    const body = '{"text":"x"}'
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\nx-client-ip: 6.6.6.6\r\nauthorization: Bearer x\r\n\r\n`
    const heard = await said(`${post('transfer-encoding: chunked', 'connection: close', `authorization: Bearer ${bench.token()}`)}${chunks}`)
    expect(heard).toMatchObject({ status: 201, answers: 1 })
    expect(bench.seen.at(-1)?.headers['x-client-ip']).toBe('127.0.0.1')
    expect(bench.seen.at(-1)?.headers.trailer).toBeUndefined()
  })
})

describe('requests one behind the other on a connection', () => {
  const first = get(open).replace('connection: close\r\n', '')

  test('are each answered, in their order, and each judged by itself', async () => {
    const before = bench.seen.length
    const heard = await said(first + first + get('/engagements/e1'))
    expect([...heard.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)).toEqual(['200', '200', '401'])
    expect(bench.seen.length).toBe(before + 2)
  })

  test('end with the first that cannot be read', async () => {
    const before = bench.seen.length
    const heard = await said(`${first}BREW / HTTP/1.1\r\n\r\n${SMUGGLED}`)
    expect(heard.answers).toBeLessThanOrEqual(2)
    expect(bench.seen.slice(before).every(({ url }) => !url.includes('smuggled'))).toBe(true)
  })

  test('end with the first whose head cannot be believed', async () => {
    const before = bench.seen.length
    const heard = await said(first.replace('\r\n\r\n', '\r\nhost: evil.example\r\n\r\n') + first + SMUGGLED)
    expect(heard).toMatchObject({ status: 400, answers: 1 })
    expect(bench.seen.length).toBe(before)
  })

  test('are not made of the body of a refused one', async () => {
    const before = bench.seen.length
    const heard = await said(`${post(`content-length: ${SMUGGLED.length}`, 'connection: close')}${SMUGGLED}`)
    expect(heard).toMatchObject({ status: 401, answers: 1 })
    expect(bench.seen.length).toBe(before)
  })
})

describe('who is slow is not waited for:', () => {
  test('a head that never ends', async () => {
    expect(await said(`GET ${open} HTTP/1.1\r\nhost: localhost\r\n`)).toMatchObject({ status: 408, code: 'request_timeout' })
  })

  test('a body that never ends', async () => {
    const { text } = await said(`${post('content-length: 100', `authorization: Bearer ${bench.token()}`)}{`)
    expect(text).not.toContain('HTTP/1.1 2')
    // The service was told nothing it could act on.
    expect(bench.upstream.waiting).toBe(0)
  })
})

test('after all of this a plain request passes', async () => {
  expect(await said(get(open))).toMatchObject({ status: 200, answers: 1 })
})
