// GW-INV-1 to GW-INV-7 (identity page §15), each over many requests that chance makes; a failure prints its seed and the smallest one.
import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { PostgresBus } from '@loomworks/bus'
import { newId } from '@loomworks/kernel'
import { Problem } from '@loomworks/service-kit'
import { eventually, fakeClock } from '@loomworks/testing'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { API } from './bench-api.ts'
import { bearer, type GatewayBench, gatewayBench } from './gateway-bench.ts'

const RUNS = { numRuns: Number(process.env.RUNS ?? 150) }
const clock = fakeClock()
let bench: GatewayBench
let token: string

beforeAll(async () => {
  bench = await gatewayBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())
beforeEach(() => {
  token = bench.token()
})

interface Told {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** Sends what fetch would tidy or refuse. */
function ask(method: string, path: string, headers: Readonly<Record<string, string | undefined>> = {}, body = ''): Promise<Told> {
  const said = Object.entries({ ...headers, ...(body !== '' && { 'content-length': String(Buffer.byteLength(body)) }) }).filter(
    ([, each]) => each !== undefined,
  )
  return new Promise((done, failed) => {
    const asking = request({ port: bench.port, method, path, headers: Object.fromEntries(said) }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      answer.once('end', () => done({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
      answer.once('error', failed)
    })
    asking.once('error', failed).end(body)
  })
}

const anyCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((upper) => [...name].map((letter, at) => (upper[at] ? letter.toUpperCase() : letter)).join(''))
const TRUSTED = ['x-client-ip', 'x-request-id', 'x-internal-actor', 'x-internal-token-refused', 'x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-real-ip']
const trusted = fc.constantFrom(...TRUSTED, 'x-client-authorization', 'x-deadline-ms', 'proxy-authorization', 'via').chain(anyCase)
const value = fc.string({ unit: fc.constantFrom(...'abcXYZ0189.,;=/-"'), minLength: 1, maxLength: 30 })
const headers = fc.dictionary(fc.oneof(trusted, fc.constantFrom('x-a', 'x-b')), value, { maxKeys: 8 })
const named = fc.subarray([...TRUSTED, 'authorization', 'traceparent', 'x-deadline-ms', 'x-a']).map((names) => ['keep-alive', ...names].join(', '))

test('GW-INV-1: a client cannot set a header that services trust', async () => {
  await fc.assert(
    fc.asyncProperty(headers, named, async (sent, connection) => {
      const { status, headers: told } = await ask('GET', '/engagements/e1', { ...sent, connection, ...bearer(token) })
      expect(status).toBe(200)
      const { headers: got } = bench.seen.at(-1) ?? { headers: {} as Record<string, string> }
      expect(got).toMatchObject({ 'x-client-ip': '127.0.0.1', 'x-request-id': told['x-request-id'], authorization: expect.stringMatching(/^Bearer ey/) })
      expect(Number(got['x-deadline-ms'])).toBeGreaterThan(1000)
      const believed = Object.keys(got).filter((name) => /^(?:x-internal-|x-forwarded-|forwarded$|x-real-ip$|x-client-authorization$|via$|proxy-)/.test(name))
      expect(believed).toEqual([])
    }),
    RUNS,
  )
})

const SEGMENTS = [
  'engagements',
  'catalogue',
  'open',
  'jobs',
  'keyed',
  'staff',
  'e1',
  '',
  '.',
  '..',
  '%2e%2e',
  'Engagements',
  '%65ngagements',
  'e1%2fopen',
  'internal',
  '{engagement}',
  ':engagement',
]
const paths = fc.array(fc.constantFrom(...SEGMENTS), { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
const methods = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD')

/** Is it an operation of the document, read by the letter? Written apart from the table of the gateway, to check it. */
function isListed(method: string, path: string): boolean {
  return Object.entries(API.paths).some(([template, operations]) => {
    const pattern = template.replaceAll(/\{\w+\}/g, '(?!(?:\\.|%2[eE]){1,2}(?:/|$))(?:(?!%2[fF]|%5[cC]|%00)[^/])+')
    return method.toLowerCase() in operations && new RegExp(`^${pattern}$`).test(path)
  })
}

test('GW-INV-2: only listed operations reach a service', async () => {
  await fc.assert(
    fc.asyncProperty(methods, paths, async (method, path) => {
      const before = bench.seen.length
      const { status } = await ask(method, path, { ...bearer(token), 'content-type': 'application/json', 'idempotency-key': 'k' }, method === 'GET' ? '' : '{}')
      const reached = bench.seen.slice(before)
      if (!isListed(method, path)) expect(reached).toEqual([])
      // The index is a page of our own.
      if (!isListed(method, path) && path !== '/') expect([204, 400, 404, 405]).toContain(status)
      for (const each of reached) expect([each.method, each.url]).toEqual([method, path])
    }),
    RUNS,
  )
})

const asked = fc.constantFrom(
  { method: 'GET', path: '/engagements/e1', owner: 'memory' },
  { method: 'GET', path: '/catalogue/open', owner: 'memory' },
  { method: 'POST', path: '/jobs/keyed', owner: 'memory' },
  { method: 'POST', path: '/auth/logout', owner: 'identity' },
  { method: 'POST', path: '/auth/login/passkey/begin', owner: 'identity' },
)

test('GW-INV-3: each request is authenticated once and carries one token for one audience', async () => {
  await fc.assert(
    fc.asyncProperty(asked, async ({ method, path, owner }) => {
      const before = bench.identity.introspections
      const sent = { ...bearer(bench.token()), 'content-type': 'application/json', 'idempotency-key': 'k' }
      await ask(method, path, sent, method === 'GET' ? '' : '{}')
      expect(bench.identity.introspections).toBe(before + 1)
      const { authorization = '' } = (owner === 'memory' ? bench.seen : bench.identity.passedOn).at(-1)?.headers ?? {}
      const [, carried = ''] = /^Bearer ([\w.-]+)$/.exec(authorization) ?? []
      expect(JSON.parse(Buffer.from(carried.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({ aud: owner, azp: 'gateway' })
    }),
    RUNS,
  )
})

describe('GW-INV-4', () => {
  const WORDS = [
    '',
    'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}',
    'no HTTP\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}',
  ]
  let says = ''
  let writes = 0
  let close: () => Promise<void>

  beforeEach(async () => {
    const { socketPath = '' } = bench.platform.addressOf('credit')
    await rm(socketPath, { force: true })
    const server = createServer((socket: Socket) => {
      socket.on('error', () => socket.destroy())
      socket.on('data', (chunk: Buffer) => {
        if (/^POST /.test(chunk.toString('latin1'))) writes++
        socket.end(says)
      })
    })
    await new Promise<void>((done) => server.listen(socketPath, done))
    close = () => new Promise((done) => server.close(() => done()))
  })
  afterEach(() => close())

  test('GW-INV-4: one client request causes at most one upstream write, however the service fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...WORDS), async (words) => {
        says = words
        const before = writes
        // A breaker that opened is over by then.
        clock.advance(5000)
        await ask('POST', '/claim/grant', { 'content-type': 'application/json' }, '{}').catch(() => undefined)
        expect(writes - before).toBeLessThanOrEqual(1)
      }),
      RUNS,
    )
    expect(writes).toBeGreaterThan(20)
  })
})

test('GW-INV-5: every answer has a request id, and every error the one shape', async () => {
  const bodies = fc.constantFrom('', '{}', '{', '[]', '{"__proto__":1}', '{"text":1e999}', '"\\ud800"', 'null')
  const types = fc.constantFrom('application/json', 'text/plain', 'application/json; charset=utf-16', '')
  const credentials = fc.constantFrom('mine', 'none', 'unknown', 'garbage')
  await fc.assert(
    fc.asyncProperty(methods, paths, bodies, types, credentials, async (method, path, body, type, credential) => {
      const held = { mine: bearer(token), none: {}, unknown: bearer(`lws_${newId()}`), garbage: { authorization: 'Basic x' } }[credential]
      const { status, headers: told, text } = await ask(method, path, { ...held, ...(type !== '' && { 'content-type': type }) }, body)
      expect(told['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
      expect(status).toBeLessThan(500)
      if (status < 400 || method === 'HEAD') return
      expect(told['content-type']).toBe('application/problem+json; charset=utf-8')
      expect(Problem.parse(JSON.parse(text))).toMatchObject({ status, request_id: told['x-request-id'], instance: path })
    }),
    RUNS,
  )
})

test('GW-INV-6: a restart loses nothing but caches and buckets', async () => {
  await using first = await gatewayBench({ adminUrl: inject('adminUrl') })
  const held = bearer(first.token())
  expect(await first.ask('GET', '/engagements/e1', { headers: held })).toMatchObject({ status: 200 })
  const asked = first.identity.introspections
  await first.gateway.stop(5000)
  await expect(first.ask('GET', '/livez')).rejects.toThrow()
  await using second = await first.another(new PostgresBus({ db: first.platform.databaseOf('gateway'), onTrouble: () => undefined }))
  expect(await second.ask('GET', '/engagements/e1', { headers: held })).toMatchObject({ status: 200 })
  expect(first.identity.introspections).toBe(asked + 1)
  const leaving = new AbortController()
  const stream = second.ask('GET', '/jobs/events', { headers: { ...held, 'last-event-id': '41' }, signal: leaving.signal })
  await eventually(() => expect(first.seen.at(-1)?.headers['last-event-id']).toBe('41'))
  leaving.abort()
  await expect(stream).rejects.toThrow()
})

test('GW-INV-7: no answer tells a stranger that an object exists', async () => {
  const strangers = fc.constantFrom({}, bearer(`lws_${'x'.repeat(43)}`), { cookie: 'lw=nothing' })
  const ids = fc.oneof(fc.uuid(), fc.constantFrom('e1', 'me', 'E0001'))
  const told = ({ status, headers: { date: _date, 'x-request-id': _id, ratelimit: _rate, 'content-length': _length, ...rest }, text }: Told) => {
    const { request_id: _request, instance: _instance, ...problem } = JSON.parse(text)
    return { status, rest, problem }
  }
  await fc.assert(
    fc.asyncProperty(strangers, ids, ids, async (stranger, one, other) => {
      const [first, second] = await Promise.all([ask('GET', `/engagements/${one}`, stranger), ask('GET', `/engagements/${other}`, stranger)])
      expect(first.status).toBe(401)
      expect(told(first)).toEqual(told(second))
    }),
    RUNS,
  )
})
