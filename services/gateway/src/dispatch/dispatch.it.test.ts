// What is handed to the owner of an operation, what comes back, and what becomes of both when somebody fails (identity page §13.3).
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { bearer, type GatewayBench, gatewayBench, json } from '../gateway-bench.ts'
import { CONNECTIONS } from './upstreams.ts'

let bench: GatewayBench

beforeAll(async () => {
  bench = await gatewayBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())

const write = (body: RequestInit['body'], headers: Record<string, string> = {}) =>
  bench.ask('POST', '/engagements', { body, headers: { ...json(bench.token()), ...headers }, duplex: 'half' } as RequestInit)

describe('no header that services trust comes from the client:', () => {
  /** Sends headers as they are written, which no browser would. */
  function sent(headers: Record<string, string>): Promise<number> {
    return new Promise((done, failed) => {
      const asking = request({ port: bench.port, path: '/engagements/e1', headers: { ...bearer(bench.token()), ...headers } }, (answer) => {
        answer.resume().once('end', () => done(answer.statusCode ?? 0))
      })
      asking.once('error', failed).end()
    })
  }

  test.each([
    ['x-client-ip', '6.6.6.6'],
    ['X-Internal-Actor', 'root'],
    ['x-forwarded-for', '6.6.6.6'],
    ['x-forwarded-host', 'evil.example'],
    ['forwarded', 'for=6.6.6.6'],
    ['x-real-ip', '6.6.6.6'],
    ['x-client-authorization', 'Bearer x'],
    ['x-deadline-ms', '1'],
    ['proxy-authorization', 'Basic x'],
    ['te', 'trailers'],
    ['via', '1.1 evil'],
    ['cookie', 'other=1'],
  ])('%s', async (name, value) => {
    expect(await sent({ [name]: value })).toBe(200)
    const { headers } = bench.seen.at(-1) ?? { headers: {} as Record<string, string> }
    expect(headers[name.toLowerCase()]).not.toBe(value)
    expect(headers.authorization).toMatch(/^Bearer ey/)
  })

  test('those it names as of this connection alone, and even so none of ours', async () => {
    expect(await sent({ connection: 'keep-alive, x-secret, X-Client-IP, authorization, traceparent', 'x-secret': '1', 'x-other': '2' })).toBe(200)
    const { headers } = bench.seen.at(-1) ?? { headers: {} as Record<string, string> }
    expect(headers['x-secret']).toBeUndefined()
    expect(headers['x-other']).toBe('2')
    expect(headers['x-client-ip']).toBe('127.0.0.1')
    expect(headers.authorization).toMatch(/^Bearer ey/)
    expect(headers.traceparent).toMatch(/^00-/)
  })
})

test.each([1, 4000])('what a service says comes out byte by byte as it said it, in one piece or in many: %i', async (times) => {
  const text = 'Grüße, 漢字, 🧵. '.repeat(times)
  const answer = await write(JSON.stringify({ text }))
  expect(answer).toMatchObject({ status: 201, body: { body: { text } } })
})

test('the service is told how much of its time is left', async () => {
  await bench.ask('GET', '/engagements/e1', { headers: bearer(bench.token()) })
  const left = Number(bench.seen.at(-1)?.headers['x-deadline-ms'])
  expect(left).toBeGreaterThan(5000)
  expect(left).toBeLessThanOrEqual(10_000)
  await bench.ask('POST', '/jobs/slow', { body: '{}', headers: json(bench.token()) })
  expect(Number(bench.seen.at(-1)?.headers['x-deadline-ms'])).toBeLessThanOrEqual(300)
})

describe("the client's own credentials", () => {
  test('reach identity where a signup or a log-out needs them, and nobody else', async () => {
    const token = bench.token()
    await bench.ask('POST', '/auth/logout', { headers: { ...bearer(token), cookie: 'other=1' } })
    expect(bench.identity.passedOn.at(-1)?.headers).toMatchObject({ 'x-client-authorization': `Bearer ${token}`, cookie: 'other=1' })
    await bench.ask('POST', '/auth/signup/begin', { headers: { authorization: 'Signup abc' } })
    expect(bench.identity.passedOn.at(-1)?.headers).toMatchObject({
      'x-client-authorization': 'Signup abc',
      authorization: expect.stringMatching(/^Bearer ey/),
    })
    await bench.ask('GET', '/engagements/e1', { headers: { ...bearer(token), cookie: 'other=1' } })
    expect(bench.seen.at(-1)?.headers.cookie).toBeUndefined()
    expect(JSON.stringify(bench.seen.at(-1))).not.toContain(token)
  })
})

describe('a body', () => {
  const stream = (...parts: string[]) => new Blob(parts).stream()
  const LIMIT = 100_000
  const text = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes - 11) })

  test('passes as it is, its length said or not', async () => {
    expect(await write('{"text":"ä"}')).toMatchObject({ status: 201, body: { body: { text: 'ä' } } })
    expect(await write(stream('{"text":', '"in parts"}'))).toMatchObject({ status: 201, body: { body: { text: 'in parts' } } })
    expect(await write(text(LIMIT))).toMatchObject({ status: 201 })
    expect(await write(stream(text(LIMIT)))).toMatchObject({ status: 201 })
  })

  test('that says it is too large is refused before it is read', async () => {
    const before = bench.seen.length
    const answer = await write(text(LIMIT + 1))
    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
    expect(bench.seen.length).toBe(before)
  })

  test.each([1, 50])('that turns out to be too large is refused then (%i times the most)', async (times) => {
    expect(await write(stream(text(LIMIT * times + 1)))).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
  })

  test.each([
    ['no JSON', '{', 400, 'malformed_request'],
    ['of the wrong shape', '{"text":"x","more":1}', 422, 'invalid_body'],
    ['that would change every object', '{"__proto__":{"admin":true},"text":"x"}', 400, 'malformed_request'],
    ['that is no Unicode', '{"text":"\\ud800"}', 422, 'invalid_body'],
    ['nested without end', `{"text":${'['.repeat(5000)}${']'.repeat(5000)}}`, 422, 'invalid_body'],
    ['with a number of no size', '{"text":1e999}', 422, 'invalid_body'],
    ['that is empty', '', 400, 'malformed_request'],
  ])('%s is told so by its owner', async (_what, body, status, code) => {
    expect(await write(body)).toMatchObject({ status, body: { code } })
  })

  test('of another type is told so', async () => {
    expect(await write('<a/>', { 'content-type': 'application/xml' })).toMatchObject({ status: 415, body: { code: 'media_type' } })
  })
})

describe('when the owner fails:', () => {
  test.each([
    ['without a body', undefined],
    ['with a small body', '{}'],
    ['with a large body', JSON.stringify({ text: 'x'.repeat(900_000) })],
  ])('nobody answers, %s', async (_how, body) => {
    const answer = await bench.ask('POST', '/claim/grant', { headers: { 'content-type': 'application/json' }, ...(body !== undefined && { body }) })
    expect(answer).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
    expect(answer.headers.get('retry-after')).toBe('1')
  })

  test('it does not answer in time, and is told that nobody waits any more', async () => {
    const before = bench.upstream.aborted
    expect(await bench.ask('POST', '/jobs/slow', { body: '{}', headers: json(bench.token()) })).toMatchObject({
      status: 504,
      body: { code: 'upstream_timeout' },
    })
    await eventually(() => expect(bench.upstream.aborted).toBe(before + 1))
  })

  test('no connection to it becomes free in time: the request is never sent', async () => {
    const leaving = new AbortController()
    const waiting = bench.upstream.waiting
    const token = bench.token()
    const wait = () => bench.ask('POST', '/jobs/wait', { body: '{}', headers: json(token), signal: leaving.signal }).catch(() => 'left')
    const all = Array.from({ length: CONNECTIONS }, wait)
    await eventually(() => expect(bench.upstream.waiting).toBe(waiting + CONNECTIONS))
    const before = bench.seen.length
    const queued = await bench.ask('POST', '/jobs/slow', { body: '{}', headers: json(token) })
    expect(queued).toMatchObject({ status: 504, body: { code: 'upstream_timeout' } })
    leaving.abort()
    await Promise.all(all)
    await eventually(() => expect(bench.upstream.waiting).toBe(waiting))
    expect(await bench.ask('GET', '/engagements/e1', { headers: bearer(token) })).toMatchObject({ status: 200 })
    expect(bench.seen.slice(before).map(({ url }) => url)).toEqual(['/engagements/e1'])
  })

  test.each([
    ['what it says is no HTTP', 'SMTP ready\r\n\r\n', 502],
    ['it hangs up', '', 503],
    ['it refuses our token', 'HTTP/1.1 401 Unauthorized\r\nx-internal-token-refused: true\r\ncontent-length: 2\r\n\r\n{}', 503],
    ['it says two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', 502],
  ])('%s', async (_what, words, status) => {
    const { socketPath = '' } = bench.platform.addressOf('audit')
    const server = createServer((socket) => void socket.once('data', () => socket.end(words)))
    await new Promise<void>((done) => server.listen(socketPath, done))
    try {
      expect(await bench.ask('GET', '/activity')).toMatchObject({ status, body: { code: status === 502 ? 'upstream_invalid' : 'dependency_down' } })
    } finally {
      await new Promise((done) => server.close(done))
      await rm(socketPath, { force: true })
    }
  })

  test('half an answer is out: the client sees that it is not whole', async () => {
    const { socketPath = '' } = bench.platform.addressOf('audit')
    const server = createServer((socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')))
    await new Promise<void>((done) => server.listen(socketPath, done))
    try {
      await expect(bench.ask('GET', '/activity')).rejects.toThrow()
    } finally {
      await new Promise((done) => server.close(done))
    }
  })
})

test('a client that leaves ends the work behind it', async () => {
  const leaving = new AbortController()
  const [waiting, aborted] = [bench.upstream.waiting, bench.upstream.aborted]
  const asked = bench.ask('POST', '/jobs/wait', { body: '{}', headers: json(bench.token()), signal: leaving.signal }).catch(() => 'left')
  await eventually(() => expect(bench.upstream.waiting).toBe(waiting + 1))
  leaving.abort()
  expect(await asked).toBe('left')
  await eventually(() => expect(bench.upstream.aborted).toBe(aborted + 1))
})

test('a client that leaves in the middle of its body leaves nothing behind', async () => {
  const token = bench.token()
  const before = bench.seen.length
  const socket = connect(bench.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    `POST /engagements HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"text"`,
  )
  await eventually(() => expect(bench.seen.length).toBe(before + 1))
  socket.destroy()
  expect(await write('{"text":"still here"}')).toMatchObject({ status: 201 })
})

test('a client that takes longer over its body than there is time is told so, and holds no connection to the owner', async () => {
  const { socketPath = '' } = bench.platform.addressOf('credit')
  const held = new Set<Socket>()
  const server = createServer((socket) => {
    held.add(socket)
    socket
      .on('error', () => socket.destroy())
      .once('close', () => held.delete(socket))
      .resume()
  })
  await new Promise<void>((done) => server.listen(socketPath, done))
  const socket = connect(bench.port, '127.0.0.1').on('error', () => undefined)
  socket.write('POST /claim/grant HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n')
  const dripping = setInterval(() => socket.write('x'), 20)
  try {
    await eventually(() => expect(held.size).toBe(1))
    let heard = ''
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text
    })
    await once(socket, 'close')
    expect(heard).toMatch(/^HTTP\/1\.1 408 .*\r\n/)
    expect(heard).toContain('"code":"request_timeout"')
    await eventually(() => expect(held.size).toBe(0))
  } finally {
    clearInterval(dripping)
    socket.destroy()
    for (const each of held) each.destroy()
    await new Promise((done) => server.close(done))
    await rm(socketPath, { force: true })
  }
})

test('one request is one request behind us, also when it fails', async () => {
  const before = bench.seen.length
  await bench.ask('POST', '/jobs/slow', { body: '{}', headers: json(bench.token()) })
  expect(bench.seen.length).toBe(before + 1)
})
