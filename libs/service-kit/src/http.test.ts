// The server of a service, asked without a socket: who is let in, in which order things are told, and that no input breaks it.
import { once } from 'node:events'
import { type Actor, newId, refusals, Transient } from '@loomworks/kernel'
import { fakeClock } from '@loomworks/testing'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { httpServer } from './http.ts'
import { type Log, silentLog } from './logger.ts'
import { serviceMetrics } from './metrics.ts'
import { Answered, EventStream, operation, type Request, type SseEvent } from './operation.ts'
import { tokenVerifier } from './token.ts'
import { type Signer, signer } from './token-bench.ts'

const clock = fakeClock()
const refuse = refusals('memory', { wrong_state: { status: 409, says: 'Not now.', remedy: 'Later.', details: z.object({ isNow: z.string() }) } })
const about = { summary: '', refuses: [] }
const person = { actors: ['person'], scope: 'memory.write', object: 'engagement', relation: 'none', hide: true } as const
const Written = z.strictObject({ text: z.string().max(10), count: z.int().optional() })

/** What the operation was given last. */
let given: Request<unknown, unknown, unknown> | undefined
const note = async (request: Request<unknown, unknown, unknown>) => {
  given = request
  return { ok: true }
}
const bodyGiven = () => given?.body
const Ok = z.object({ ok: z.boolean() })

const operations = [
  operation({ ...about, post: '/notes', id: 'write', authz: person, body: Written, reply: Ok, limits: { bodyBytes: 2000 }, answer: note }),
  operation({
    ...about,
    get: '/notes/:note',
    id: 'read',
    authz: person,
    params: z.object({ note: z.guid() }),
    query: z.object({ limit: z.coerce.number().int().max(100).optional() }),
    reply: Ok,
    answer: note,
  }),
  operation({ ...about, post: '/keyed', id: 'keyed', authz: person, limits: { idempotency: 'required' }, body: Written, reply: Ok, answer: note }),
  operation({ ...about, get: '/plain', id: 'plain', authz: person, reply: Ok, answer: note }),
  operation({ ...about, delete: '/plain', id: 'drop', authz: person, reply: z.undefined(), status: 204, answer: async () => undefined }),
  operation({
    ...about,
    get: '/answered',
    id: 'answered',
    authz: person,
    reply: Ok,
    answer: async () => new Answered(202, { later: true }, { headers: { location: '/x' }, cookies: ['a=1', 'b=2'] }),
  }),
  operation({
    ...about,
    get: '/fails/:how',
    id: 'fails',
    authz: person,
    params: z.object({ how: z.string() }),
    reply: Ok,
    answer: async ({ params }) => fail((params as { how: string }).how),
  }),
  operation({
    ...about,
    get: '/waits',
    id: 'waits',
    authz: person,
    reply: Ok,
    answer: async ({ signal }) => {
      await once(signal, 'abort')
      throw new Error('nobody waits')
    },
  }),
  operation({ ...about, get: '/stream', id: 'stream', authz: person, limits: { stream: true }, reply: Ok, answer: async () => new EventStream(twoEvents()) }),
  operation({
    ...about,
    post: '/internal/persons:names',
    id: 'names',
    internal: { auth: 'token', callers: ['credit', 'audit'] },
    body: z.looseObject({}),
    reply: Ok,
    answer: note,
  }),
  operation({ ...about, post: '/internal/secret', id: 'secret', internal: { auth: 'service_secret' }, body: z.looseObject({}), reply: Ok, answer: note }),
]

async function* twoEvents(): AsyncGenerator<SseEvent> {
  yield { id: '1', event: 'step', data: { text: 'a\nb' } }
  yield { id: '2', event: 'step', data: null }
}

function fail(how: string): never {
  if (how === 'refusal') throw refuse.wrong_state({ isNow: 'Active' })
  if (how === 'transient') throw new Transient('the database is at 10.0.0.1')
  throw new Error('a bug with a secret')
}

const logged: string[] = []
const log: Log = { ...silentLog, error: (_fields, fact) => void logged.push(fact) }
let identity: Signer
let app: FastifyInstance
let database: () => Promise<void> = async () => undefined

beforeAll(async () => {
  identity = await signer(clock)
  app = httpServer({
    service: 'memory',
    operations,
    parts: undefined as never,
    verifier: tokenVerifier(
      'memory',
      async () => identity.jwks,
      () => clock.now(),
    ),
    serviceOfSecret: (authorization) => (authorization === 'Service gateway:right' ? 'gateway' : undefined),
    clock,
    log,
    metrics: serviceMetrics('memory'),
    probes: { database: () => database() },
  })
})
afterAll(() => app.close())
beforeEach(() => {
  given = undefined
  logged.length = 0
})

interface Ask {
  readonly token?: string | undefined
  readonly body?: string
  readonly headers?: Record<string, string>
}

async function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, { token, body, headers = {} }: Ask = {}) {
  const answer = await app.inject({
    method,
    url,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: body }),
  })
  const json = String(answer.headers['content-type']).includes('json')
  return { status: answer.statusCode, body: json ? answer.json() : answer.body, headers: answer.headers }
}
const mine = async (claims: Record<string, unknown> = {}) => identity.sign({ claims })

describe('what is wrong is told in this order:', () => {
  const bad = '{"text":1'

  test('the path, whoever asks', async () => expect(await ask('POST', '/nothing')).toMatchObject({ status: 404, body: { code: 'route_not_found' } }))
  test('who asks, before a byte of the body is read', async () => {
    const headers = { 'x-internal-token-refused': 'true' }
    expect(await ask('POST', '/notes', { body: bad })).toMatchObject({ status: 401, body: { code: 'internal_token_invalid' }, headers })
    expect(await ask('POST', '/notes', { body: 'x'.repeat(5000), headers: { 'content-type': 'text/csv' } })).toMatchObject({ status: 401 })
    expect(await ask('POST', '/notes', { token: await mine({ aud: 'credit' }), body: bad })).toMatchObject({ status: 401 })
  })
  test('what they may', async () => {
    expect(await ask('POST', '/notes', { token: await mine({ scope: 'memory.read' }), body: bad })).toMatchObject({
      status: 403,
      body: { code: 'auth.scope_missing' },
    })
  })
  test('then what they send', async () => {
    expect(await ask('POST', '/notes', { token: await mine(), body: bad })).toMatchObject({ status: 400, body: { code: 'malformed_request' } })
    expect(await ask('POST', '/notes', { token: await mine(), body: '{"text":1}' })).toMatchObject({
      status: 422,
      body: { code: 'invalid_body', errors: [{ pointer: '/text' }] },
    })
    expect(given).toBeUndefined()
  })
})

describe('a request', () => {
  test('that is right is handed over parsed, with who asks', async () => {
    const id = newId<'person'>()
    const answer = await ask('GET', `/notes/${newId()}?limit=7`, {
      token: await mine({ act: { kind: 'person', id }, sub: id }),
      headers: {
        'x-request-id': 'r1',
        'x-client-ip': '203.0.113.9',
        'idempotency-key': '"k1"',
        cookie: 'a=1; b = 2; c',
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      },
    })
    expect(answer).toMatchObject({ status: 200, body: { ok: true } })
    expect(given).toMatchObject({
      query: { limit: 7 },
      requestId: 'r1',
      clientIp: '203.0.113.9',
      idempotencyKey: 'k1',
      cookies: { a: '1', b: '2' },
      from: 'gateway',
    })
    expect(given?.caller).toMatchObject({
      actor: { kind: 'person', id },
      correlationId: 'r1',
      causationId: 'r1',
      traceparent: expect.stringMatching(/^00-a{32}-(?!b{16})/),
    })
  })

  test('has as long as the gateway says, and is told so when that is over', async () => {
    expect(await ask('GET', '/waits', { token: await mine(), headers: { 'x-deadline-ms': '20' } })).toMatchObject({
      status: 504,
      body: { code: 'upstream_timeout' },
    })
    expect(await ask('GET', '/plain', { token: await mine(), headers: { 'x-deadline-ms': 'soon' } })).toMatchObject({ status: 200 })
  })

  test('that needs an Idempotency-Key is refused without one, before its body is looked at', async () => {
    expect(await ask('POST', '/keyed', { token: await mine(), body: '{}' })).toMatchObject({ status: 400, body: { code: 'idempotency.key_missing' } })
    expect(await ask('POST', '/keyed', { token: await mine(), body: '{}', headers: { 'idempotency-key': 'k' } })).toMatchObject({ status: 422 })
  })

  test('of a service other than the gateway has no say about id and address', async () => {
    await ask('GET', '/plain', { token: await mine({ azp: 'companion' }), headers: { 'x-request-id': 'r1', 'x-client-ip': '6.6.6.6' } })
    expect(given?.requestId).not.toBe('r1')
    expect(given?.clientIp).not.toBe('6.6.6.6')
  })

  test.each([
    ['a parameter of the address that is none', 'GET', '/notes/n1', '/params/note'],
    ['a number that is too large', 'GET', `/notes/${newId()}?limit=101`, '/query/limit'],
    ['a query where there is none', 'GET', '/plain?x=1', '/query/x'],
    ['a query of a pollutant', 'GET', '/plain?__proto__=1', '/query/__proto__'],
  ] as const)('with %s is 422', async (_what, method, url, pointer) => {
    expect(await ask(method, url, { token: await mine() })).toMatchObject({ status: 422, body: { code: 'invalid_body', errors: [{ pointer }] } })
  })

  test.each([
    ['more than is asked for', '{"text":"x","role":"admin"}', 422, 'invalid_body'],
    ['less than is asked for', '{}', 422, 'invalid_body'],
    ['no object', '[]', 422, 'invalid_body'],
    ['nothing', '', 400, 'malformed_request'],
    ['too much', JSON.stringify({ text: 'x'.repeat(2000) }), 413, 'body_too_large'],
  ])('with %s is refused', async (_what, body, status, code) => {
    expect(await ask('POST', '/notes', { token: await mine(), body })).toMatchObject({ status, body: { code } })
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'text/json', 'garbage'])(
    'of type %s is 415',
    async (type) => {
      expect(await ask('POST', '/notes', { token: await mine(), body: '{"text":"x"}', headers: { 'content-type': type } })).toMatchObject({
        status: 415,
        body: { code: 'media_type' },
      })
    },
  )

  test('of JSON with a charset passes', async () => {
    expect(
      await ask('POST', '/notes', { token: await mine(), body: '{"text":"ä"}', headers: { 'content-type': 'application/json; charset=utf-8' } }),
    ).toMatchObject({ status: 200 })
  })

  test('with a path that cannot be read is told so in our shape', async () => {
    const answer = await ask('GET', '/notes/%zz', { token: await mine() })
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request', request_id: expect.any(String) } })
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  })

  test.each([
    ['PUT', '/plain'],
    ['GET', '/plain/'],
    ['GET', '/PLAIN'],
    ['GET', '//plain'],
    ['GET', `/notes/${'x'.repeat(300)}`],
  ] as const)('%s %s finds nothing', async (method, url) => {
    expect(await ask(method, url, { token: await mine() })).toMatchObject({ status: 404, body: { code: expect.stringMatching(/^(?:route_)?not_found$/) } })
  })
})

describe('an answer', () => {
  test('may have a status, headers and cookies of its own', async () => {
    const answer = await ask('GET', '/answered', { token: await mine() })
    expect(answer).toMatchObject({ status: 202, body: { later: true }, headers: { location: '/x', 'set-cookie': ['a=1', 'b=2'] } })
  })

  test('may be nothing', async () => expect(await ask('DELETE', '/plain', { token: await mine() })).toMatchObject({ status: 204, body: '' }))

  test('may be a stream, an event at a time', async () => {
    const answer = await ask('GET', '/stream', { token: await mine() })
    expect(answer.headers['content-type']).toBe('text/event-stream')
    expect(answer.body).toBe('id: 1\nevent: step\ndata: {"text":"a\\nb"}\n\nid: 2\nevent: step\ndata: null\n\n')
  })

  test.each([
    ['refusal', 409, 'memory.wrong_state', 0],
    ['transient', 503, 'dependency_down', 1],
    ['bug', 500, 'internal', 1],
  ])('to a %s says what it may, and is logged where it is our trouble', async (how, status, code, lines) => {
    const answer = await ask('GET', `/fails/${how}`, { token: await mine(), headers: { 'x-request-id': 'r7' } })
    expect(answer).toMatchObject({ status, body: { code, instance: `/fails/${how}`, request_id: 'r7' } })
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|10\.0\.0\.1/)
    expect(logged).toHaveLength(lines)
    if (how === 'refusal') expect(answer.body.is_now).toBe('Active')
    if (how === 'transient') expect(answer.headers['retry-after']).toBe('1')
  })
})

describe('an internal operation', () => {
  const audit: Actor = { kind: 'service', id: 'audit' }

  test('is for the services it names', async () => {
    expect(await ask('POST', '/internal/persons:names', { token: await mine({ azp: 'audit', act: audit }), body: '{}' })).toMatchObject({ status: 200 })
    expect(given?.from).toBe('audit')
    expect(await ask('POST', '/internal/persons:names', { token: await mine({ azp: 'gateway' }), body: '{}' })).toMatchObject({
      status: 403,
      body: { code: 'auth.actor_refused' },
    })
    expect(await ask('POST', '/internal/persons:names', { body: '{}' })).toMatchObject({ status: 401 })
  })

  test('may be opened by the secret of a service alone', async () => {
    const opened = await ask('POST', '/internal/secret', { body: '{}', headers: { authorization: 'Service gateway:right' } })
    expect(opened).toMatchObject({ status: 200 })
    expect(given).toMatchObject({ from: 'gateway', token: { act: { kind: 'service', id: 'gateway' }, scope: '' } })
    for (const authorization of ['Service gateway:wrong', `Bearer ${await mine()}`, ''])
      expect(await ask('POST', '/internal/secret', { body: '{}', headers: { authorization } })).toMatchObject({
        status: 401,
        body: { code: 'internal_token_invalid' },
      })
  })
})

describe('health', () => {
  test('is told to anybody, each dependency by its name', async () => {
    expect(await ask('GET', '/livez')).toMatchObject({ status: 200, body: { service: 'memory', ok: true } })
    expect(await ask('GET', '/readyz')).toMatchObject({ status: 200, body: { ready: true, dependencies: { database: 'ok' } } })
    database = async () => Promise.reject(new Transient('away'))
    expect(await ask('GET', '/readyz')).toMatchObject({ status: 503, body: { ready: false, dependencies: { database: 'away' } } })
    database = async () => undefined
  })

  test('counts what was answered, by operation and status', async () => {
    await ask('GET', '/plain', { token: await mine() })
    await ask('GET', '/plain')
    const { body } = await ask('GET', '/metrics')
    expect(body).toMatch(/http_request_duration_seconds_count\{service="memory",operation="plain",status="200"\} \d/)
    expect(body).toMatch(/http_request_duration_seconds_count\{service="memory",operation="plain",status="401"\} \d/)
  })
})

test('no body breaks it: every one is answered below 500, and nothing but the schema passes', async () => {
  const token = await mine()
  const body = fc.oneof(
    fc.json({ maxDepth: 5 }),
    fc.string({ unit: 'binary' }),
    fc.dictionary(fc.constantFrom('text', 'count', '__proto__', 'x'), fc.jsonValue()).map((value) => JSON.stringify(value)),
  )
  await fc.assert(
    fc.asyncProperty(body, async (text) => {
      given = undefined
      const { status } = await ask('POST', '/notes', { token, body: text })
      expect([200, 400, 413, 422]).toContain(status)
      expect(status === 200).toBe(Written.safeParse(bodyGiven()).success)
    }),
    { numRuns: 100 },
  )
})
