// The gateway with a certificate: HTTP/2 and HTTP/1.1 on one port, the same answers, the same refusals.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2'
import { Agent, request } from 'node:https'
import { connect as connectRaw } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId, tokenHash } from '@loomworks/kernel'
import { startService } from '@loomworks/service-kit'
import { eventually, fakeClock } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { API } from './bench-api.ts'
import { bearer, type GatewayBench, gatewayBench, json, ORIGIN } from './gateway-bench.ts'
import { gatewayWith } from './service.ts'

const clock = fakeClock(Date.now())
const folder = mkdtempSync(join(tmpdir(), 'lw-tls-'))
const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
let bench: GatewayBench
let session: ClientHttp2Session

beforeAll(async () => {
  const subject = ['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile, '-out', certFile, ...subject],
    {
      stdio: 'ignore',
    },
  )
  bench = await gatewayBench({
    adminUrl: inject('adminUrl'),
    clock,
    environment: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile },
    socket: { streamsCheckedEveryMs: 50 },
  })
  session = speaking(bench)
})
afterEach(() => {
  if (session.destroyed) session = speaking(bench)
})
afterAll(async () => {
  session.destroy()
  await bench[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

function speaking({ port }: GatewayBench): ClientHttp2Session {
  const opened = connect(`https://localhost:${port}`, { ca: readFileSync(certFile) })
  opened.on('error', () => undefined)
  return opened
}

interface Told {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of every shape.
  readonly body: any
}

async function ask(path: string, headers: OutgoingHttpHeaders = {}, ...body: readonly string[]): Promise<Told> {
  const stream = session.request({ ':path': path, ':method': body.length > 0 ? 'POST' : 'GET', ...headers }, { endStream: body.length === 0 })
  stream.on('error', () => undefined)
  for (const part of body) stream.write(part)
  if (body.length > 0) stream.end()
  let told: Record<string, unknown> = {}
  let text = ''
  stream.on('response', (response) => {
    told = { ...response }
  })
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text += chunk
  })
  await once(stream, 'close')
  return { status: Number(told[':status']) || undefined, headers: told, body: String(told['content-type']).includes('json') ? JSON.parse(text) : text }
}

describe('in HTTP/2', () => {
  test('a request passes, and its answer has the same headers but those of a connection', async () => {
    const { status, headers, body } = await ask('/engagements/e1?limit=2', bearer(bench.token()))
    expect([status, body.method]).toEqual([200, 'GET'])
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-request-id': expect.any(String), ratelimit: expect.any(String) })
    expect(headers.connection).toBeUndefined()
    expect(bench.seen.at(-1)?.headers[':path']).toBeUndefined()
  })

  test('many pass at once on one connection', async () => {
    const token = bench.token()
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask('/engagements/e1', bearer(token))))
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
  })

  test('a body passes, its length said or not', async () => {
    const headers = json(bench.token())
    expect(await ask('/engagements', headers, '{"text":', '"in parts"}')).toMatchObject({ status: 201, body: { body: { text: 'in parts' } } })
    expect(await ask('/engagements', { ...headers, 'content-length': '12' }, '{"text":"x"}')).toMatchObject({ status: 201 })
  })

  test.each([true, false])('a body that is too large is refused (its length said: %s)', async (said) => {
    const text = JSON.stringify({ text: 'x'.repeat(100_000) })
    const headers = { ...json(bench.token()), ...(said && { 'content-length': String(text.length) }) }
    expect(await ask('/engagements', headers, text)).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
  })

  test.each<[string, string, OutgoingHttpHeaders, number, string]>([
    ['who is nobody', '/engagements/e1', {}, 401, 'unauthenticated'],
    ['what is nowhere', '/nothing', {}, 404, 'route_not_found'],
    ['a dot segment', '/engagements/%2e%2e', {}, 404, 'route_not_found'],
    ['two hosts', '/catalogue/open', { ':authority': 'a.example', host: 'b.example' }, 400, 'malformed_request'],
    ['an address without end', `/catalogue/open?${'x'.repeat(9000)}`, {}, 414, 'target_too_long'],
    ['110 headers', '/catalogue/open', Object.fromEntries(Array.from({ length: 110 }, (_, at) => [`x-${at}`, '1'])), 431, 'headers_too_large'],
    ['TRACE', '/catalogue/open', { ':method': 'TRACE' }, 501, 'not_implemented'],
  ])('%s is refused in our shape, and the next request is not', async (_what, path, headers, status, code) => {
    const before = bench.seen.length
    expect(await ask(path, headers)).toMatchObject({ status, body: { code } })
    expect(bench.seen.length).toBe(before)
    expect(await ask('/catalogue/open')).toMatchObject({ status: 200 })
  })

  test.each<[string, string, OutgoingHttpHeaders]>([
    ['no path', 'open', {}],
    ['200 headers', '/catalogue/open', Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`x-${at}`, '1']))],
  ])('%s is refused by the parser itself, and reaches no service', async (_what, path, headers) => {
    const before = bench.seen.length
    await expect(ask(path, headers)).rejects.toThrow(/NGHTTP2/)
    expect(bench.seen.length).toBe(before)
    session.destroy()
    session = speaking(bench)
    expect(await ask('/catalogue/open')).toMatchObject({ status: 200 })
  })

  test('one host said twice and alike is one host', async () => {
    expect(await ask('/catalogue/open', { ':authority': 'localhost', host: 'localhost' })).toMatchObject({ status: 200 })
  })

  test('a tunnel is refused', async () => {
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'evil.example:443' })
    stream.on('error', () => undefined)
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    const [headers] = await once(stream, 'response')
    await once(stream, 'end')
    expect(headers).toMatchObject({ ':status': 501, 'content-type': expect.stringContaining('application/problem+json'), 'x-request-id': expect.any(String) })
    expect(JSON.parse(text)).toMatchObject({ code: 'not_implemented', request_id: headers['x-request-id'] })
    stream.close()
  })

  test('a client that leaves ends the work behind it', async () => {
    const aborted = bench.upstream.aborted
    const waiting = bench.upstream.waiting
    const stream = session.request({ ':path': '/jobs/wait', ':method': 'POST', ...json(bench.token()) })
    stream.on('error', () => undefined)
    stream.end('{}')
    await eventually(() => expect(bench.upstream.waiting).toBe(waiting + 1))
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => expect(bench.upstream.aborted).toBe(aborted + 1))
  })

  test('a body that takes longer than there is time is told so, and its stream ends', async () => {
    const stream = session.request({ ':path': '/jobs/slow', ':method': 'POST', ...json(bench.token()) })
    stream.on('error', () => undefined)
    const dripping = setInterval(() => stream.write(' '), 20)
    const closed = once(stream, 'close')
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    const [headers] = await once(stream, 'response')
    await closed
    clearInterval(dripping)
    expect([headers[':status'], JSON.parse(text).code]).toEqual([408, 'request_timeout'])
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
    expect(await ask('/catalogue/open')).toMatchObject({ status: 200 })
  })

  test('a stream of events passes one by one, and ends with its session', async () => {
    const claims = { actor: { kind: 'person' as const, id: newId<'person'>() }, sessionId: newId() }
    const token = bench.token(claims)
    const stream = session.request({ ':path': '/jobs/events', ...bearer(token) })
    let heard = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      heard += chunk
    })
    const closed = once(stream, 'close')
    await eventually(() => expect(heard).toContain('event: open'))
    bench.upstream.emit({ id: '1', event: 'step', data: {} })
    await eventually(() => expect(heard).toContain('event: step'))
    bench.identity.credentials.set(tokenHash(token), { code: 'session_expired' })
    clock.advance(60_000)
    await closed
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  })
})

test('HTTP/1.1 is spoken on the same port', async () => {
  const status = await new Promise((done, failed) => {
    const asking = request({ port: bench.port, host: 'localhost', ca: readFileSync(certFile), path: '/catalogue/open' }, (answer) => {
      answer.resume().once('end', () => done(answer.statusCode))
    })
    asking.once('error', failed).end()
  })
  expect(status).toBe(200)
})

test('what is no TLS gets no answer', async () => {
  const before = bench.seen.length
  const socket = connectRaw(bench.port, '127.0.0.1', () => socket.write('GET /catalogue/open HTTP/1.1\r\nhost: localhost\r\n\r\n'))
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1')
  })
  socket.on('error', () => undefined)
  await once(socket, 'close')
  expect(heard).not.toContain('200')
  expect(bench.seen.length).toBe(before)
})

test('an instance that stops ends its sessions, and asks streams to come back', async () => {
  await using stopping = await gatewayBench({ adminUrl: inject('adminUrl'), environment: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } })
  const other = speaking(stopping)
  const stream = other.request({ ':path': '/jobs/events', ...bearer(stopping.token()) })
  let heard = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    heard += chunk
  })
  await eventually(() => expect(heard).toContain('event: open'))
  const ended = once(other, 'close')
  const began = performance.now()
  await stopping.gateway.stop(5000)
  await ended
  expect(heard).toMatch(/retry: \d+\n\n$/)
  expect(performance.now() - began).toBeLessThan(4000)
})

test('an instance that stops does not wait for connections of HTTP/1.1 on which nothing is asked', async () => {
  await using stopping = await gatewayBench({ adminUrl: inject('adminUrl'), environment: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } })
  const agent = new Agent({ keepAlive: true })
  await new Promise((done, failed) => {
    const asking = request({ agent, port: stopping.port, host: 'localhost', ca: readFileSync(certFile), path: '/livez' }, (answer) => {
      answer.resume().once('end', done)
    })
    asking.once('error', failed).end()
  })
  await eventually(() => expect(Object.values(agent.freeSockets).flat()).toHaveLength(1))
  const began = performance.now()
  await stopping.gateway.stop(5000)
  expect(performance.now() - began).toBeLessThan(4000)
  agent.destroy()
})

test.each([
  ['one without the other', { TLS_CERT_FILE: certFile }, /^gateway cannot start: TLS_CERT_FILE: needs TLS_KEY_FILE.*\.$/],
  [
    'a file that is not there',
    { TLS_CERT_FILE: certFile, TLS_KEY_FILE: join(folder, 'none.pem') },
    /^gateway cannot start: TLS_KEY_FILE: .* cannot be read\.$/,
  ],
  ['a file that is no key', { TLS_CERT_FILE: certFile, TLS_KEY_FILE: join(folder, 'text.pem') }, /^gateway cannot start: TLS_CERT_FILE: .* in PEM\.$/],
])('does not start with %s, and says so in a sentence', async (_what, files, says) => {
  writeFileSync(join(folder, 'text.pem'), 'no key')
  const platform = { ...bench.platform, environment: { PUBLIC_ORIGIN: ORIGIN, ...files } }
  await expect(startService(gatewayWith(API), platform)).rejects.toMatchObject({ code: 'config.invalid', message: expect.stringMatching(says) })
})
