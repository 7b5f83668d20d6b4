// Who may pass, in which order the answer is found, and what every answer carries (identity page §13.1, §13.3, §13.4).
import { newId, type PersonId, tokenHash } from '@loomworks/kernel'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { bearer, type GatewayBench, gatewayBench, json, ORIGIN } from './gateway-bench.ts'

let bench: GatewayBench
const clock = fakeClock()

beforeAll(async () => {
  bench = await gatewayBench({ adminUrl: inject('adminUrl'), clock, environment: { ALLOWED_ORIGINS: 'https://app.example.org' } })
})
afterAll(() => bench[Symbol.asyncDispose]())

describe('the first thing that is wrong is what is told:', () => {
  const badBody = { body: '{"text":1}', headers: { 'content-type': 'application/json' } }

  test('a path there is not, before anything else', async () => {
    expect(await bench.ask('POST', '/nothing', badBody)).toMatchObject({ status: 404, body: { code: 'route_not_found', instance: '/nothing' } })
  })

  test('a method there is not, with those there are, before who asks', async () => {
    const answer = await bench.ask('PUT', '/engagements/e1', badBody)
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(answer.headers.get('allow')).toBe('GET, DELETE')
  })

  test('who asks, before what they may', async () => {
    const answer = await bench.ask('POST', '/engagements', badBody)
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
  })

  test('what they may, before what they send', async () => {
    const token = bench.token({ scopes: ['memory.read'] })
    expect(await bench.ask('POST', '/engagements', { ...badBody, headers: json(token) })).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } })
  })

  test('what they send, by the service itself', async () => {
    const before = bench.seen.length
    const answer = await bench.ask('POST', '/engagements', { ...badBody, headers: json(bench.token()) })
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_body', errors: [{ pointer: '/text' }] } })
    expect(bench.seen.length).toBe(before + 1)
  })
})

describe('a credential', () => {
  test.each(['/engagements/e1', '/engagements/e1?limit=3'])('opens what it covers: GET %s', async (target) => {
    const id: PersonId = newId()
    const token = bench.token({ actor: { kind: 'person', id } })
    expect(await bench.ask('GET', target, { headers: bearer(token) })).toMatchObject({ status: 200, body: { actor: id } })
    expect(bench.seen.at(-1)?.url).toBe(target)
  })

  test('is asked about once and then kept, for each service apart', async () => {
    const token = bench.token()
    const before = bench.identity.introspections
    await Promise.all(Array.from({ length: 5 }, () => bench.ask('GET', '/engagements/e1', { headers: bearer(token) })))
    await bench.ask('GET', '/engagements/e1', { headers: bearer(token) })
    expect(bench.identity.introspections).toBe(before + 1)
  })

  test('in a cookie is one too', async () => {
    expect(await bench.ask('GET', '/engagements/e1', { headers: { cookie: `a=b; lw=${bench.token()}` } })).toMatchObject({ status: 200 })
  })

  test.each([
    ['nobody knows', 'token_refused', 'token_refused', 401],
    ['has ended', 'session_expired', 'session_expired', 401],
    ['belongs to a locked account', 'account_locked', 'account_locked', 403],
  ])('that %s is refused as %s', async (_what, known, code, status) => {
    const token = `lws_${newId()}`
    bench.identity.credentials.set(tokenHash(token), { code: known })
    expect(await bench.ask('GET', '/engagements/e1', { headers: bearer(token) })).toMatchObject({ status, body: { code } })
  })

  test.each(['Basic YTpi', 'Bearer', 'Bearer a b', 'lws_x'])('of another form opens nothing: %s', async (authorization) => {
    expect(await bench.ask('GET', '/engagements/e1', { headers: { authorization } })).toMatchObject({ status: 401, body: { code: 'token_refused' } })
  })

  test('that opens nothing is not asked about again for two seconds', async () => {
    const headers = bearer(`lws_${newId()}`)
    const before = bench.identity.introspections
    for (const _ of [1, 2, 3]) expect(await bench.ask('GET', '/engagements/e1', { headers })).toMatchObject({ status: 401 })
    expect(bench.identity.introspections).toBe(before + 1)
    clock.advance(2001)
    expect(await bench.ask('GET', '/engagements/e1', { headers })).toMatchObject({ status: 401 })
    expect(bench.identity.introspections).toBe(before + 2)
  })

  test('counts as none where nobody needs to be known', async () => {
    for (const headers of [{}, bearer(`lws_${newId()}`), { cookie: `lw=${newId()}` }, { authorization: 'Basic YTpi' }] as Record<string, string>[])
      expect(await bench.ask('GET', '/catalogue/open', { headers })).toMatchObject({ status: 200, body: { actor: 'gateway' } })
    const id: PersonId = newId()
    expect(await bench.ask('GET', '/catalogue/open', { headers: bearer(bench.token({ actor: { kind: 'person', id } })) })).toMatchObject({
      body: { actor: id },
    })
  })

  test.each(['/engagements/e1', '/catalogue/open'])('beside another one is ambiguous: %s', async (target) => {
    const token = bench.token()
    expect(await bench.ask('GET', target, { headers: { ...bearer(token), cookie: `lw=${token}` } })).toMatchObject({
      status: 400,
      body: { code: 'ambiguous_credentials' },
    })
    expect(await bench.ask('GET', target, { headers: { cookie: `lw=${token}; lw=${bench.token()}` } })).toMatchObject({ status: 400 })
  })

  test('is renewed in time: the service never gets a token that has ended', async () => {
    const token = bench.token()
    for (const _ of [1, 2, 3]) {
      expect(await bench.ask('GET', '/engagements/e1', { headers: bearer(token) })).toMatchObject({ status: 200 })
      clock.advance(56_000)
    }
  })

  test('cannot be judged while identity is out of reach', async () => {
    bench.identity.down = true
    try {
      const answer = await bench.ask('GET', '/engagements/e1', { headers: bearer(`lws_${newId()}`) })
      expect(answer).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
      expect(answer.headers.get('retry-after')).toBe('1')
    } finally {
      bench.identity.down = false
    }
  })
})

describe('what the token alone decides is decided here:', () => {
  const refused = async (method: string, target: string, claims: Parameters<GatewayBench['token']>[0]) => {
    const before = bench.seen.length
    const { status, body } = await bench.ask(method, target, { headers: bearer(bench.token(claims)) })
    expect(bench.seen.length).toBe(before)
    return `${status} ${body.code}`
  }

  test('the kind of actor', async () => {
    expect(await refused('GET', '/engagements/e1', { actor: { kind: 'agent', id: newId(), instructionVersion: 1 } })).toBe('403 auth.actor_refused')
  })
  test('the role, where one is named, and then no scope', async () => {
    expect(await refused('GET', '/catalogue/staff', { roles: ['ops'], scopes: ['admin.audit'] })).toBe('403 auth.role_missing')
    expect(await bench.ask('GET', '/catalogue/staff', { headers: bearer(bench.token({ roles: ['auditor'] })) })).toMatchObject({ status: 200 })
  })
  test('the account', async () => {
    expect(await refused('GET', '/engagements/e1', { account: 'suspended' })).toBe('403 account_suspended')
  })
  test('a fresh proof', async () => {
    expect(await refused('DELETE', '/engagements/e1', {})).toBe('403 step_up_required')
    expect(await bench.ask('DELETE', '/engagements/e1', { headers: bearer(bench.token({ steppedUp: true })) })).toMatchObject({ status: 204 })
  })
})

describe('a page of another origin', () => {
  const cookie = () => ({ cookie: `lw=${bench.token()}`, 'content-type': 'application/json' })
  const write = (headers: Record<string, string>) => bench.ask('POST', '/engagements', { body: '{"text":"x"}', headers })

  test.each([
    ['says nothing of its origin', {}],
    ['is not listed', { origin: 'https://evil.example' }],
    ['has an opaque origin', { origin: 'null' }],
    ['is a listed one with another port', { origin: 'http://localhost:4401' }],
    ['is listed, but the browser says it is another site', { origin: ORIGIN, 'sec-fetch-site': 'cross-site' }],
    ['is listed, but the browser says it is the same site only', { origin: ORIGIN, 'sec-fetch-site': 'same-site' }],
  ])('cannot ride on a cookie when it %s', async (_how, headers) => {
    expect(await write({ ...cookie(), ...headers })).toMatchObject({ status: 403, body: { code: 'csrf_rejected' } })
  })

  test('of ours may write with a cookie, read without an origin, and anybody with a bearer token', async () => {
    expect(await write({ ...cookie(), origin: ORIGIN, 'sec-fetch-site': 'same-origin' })).toMatchObject({ status: 201 })
    expect(await write({ ...cookie(), origin: 'https://app.example.org' })).toMatchObject({ status: 201 })
    expect(await bench.ask('GET', '/engagements/e1', { headers: cookie() })).toMatchObject({ status: 200 })
    expect(await write({ ...json(bench.token()), origin: 'https://evil.example' })).toMatchObject({ status: 201 })
  })

  test('cannot ride on the cookie of a signup either, even where nobody needs to be known', async () => {
    expect(await bench.ask('POST', '/auth/login/passkey/begin', { headers: { cookie: 'signup=abc' } })).toMatchObject({
      status: 403,
      body: { code: 'csrf_rejected' },
    })
  })

  test('that is listed may read the answer, errors too; another may not', async () => {
    const listed = await bench.ask('GET', '/engagements/e1', { headers: { origin: 'https://app.example.org' } })
    expect(listed.status).toBe(401)
    expect(Object.fromEntries(listed.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example.org',
      'access-control-allow-credentials': 'true',
      vary: 'origin',
    })
    const other = await bench.ask('GET', '/engagements/e1', { headers: { origin: 'https://evil.example' } })
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('asks beforehand and is told what there is', async () => {
    const ahead = (target: string, origin: string) => bench.ask('OPTIONS', target, { headers: { origin, 'access-control-request-method': 'POST' } })
    const told = await ahead('/engagements/e1', ORIGIN)
    expect(told.status).toBe(204)
    expect(Object.fromEntries(told.headers)).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, DELETE',
      'access-control-allow-headers': expect.stringMatching(/idempotency-key, if-match,/),
    })
    expect((await ahead('/engagements/e1', 'https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
    expect((await ahead('/nothing', ORIGIN)).status).toBe(404)
  })
})

describe('every answer', () => {
  test.each([
    ['of a service', '/catalogue/open'],
    ['that refuses', '/engagements/e1'],
    ['about nothing', '/nothing'],
    ['of our own', '/livez'],
  ])('%s has a request id of ours and says what a browser may not do with it', async (_which, target) => {
    const [first, second] = await Promise.all([bench.ask('GET', target), bench.ask('GET', target)])
    expect(first.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(first.headers.get('x-request-id')).not.toBe(second.headers.get('x-request-id'))
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    expect(first.headers.get('strict-transport-security')).toBeNull()
    expect(first.headers.get('server')).toBeNull()
  })

  test("gives the client's own id back when it is one, and never takes it for ours", async () => {
    const answer = await bench.ask('GET', '/catalogue/open', { headers: { 'x-request-id': 'mine-1' } })
    expect(answer.headers.get('x-client-request-id')).toBe('mine-1')
    expect(answer.headers.get('x-request-id')).not.toBe('mine-1')
    expect(bench.seen.at(-1)?.headers['x-request-id']).toBe(answer.headers.get('x-request-id'))
    for (const none of ['', 'a b', 'x'.repeat(129)]) {
      expect((await bench.ask('GET', '/catalogue/open', { headers: { 'x-request-id': none } })).headers.get('x-client-request-id')).toBeNull()
    }
  })

  test('that refuses is a problem with all its members, and the id of the answer', async () => {
    const { body, headers } = await bench.ask('GET', '/engagements/e1?limit=1')
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(body).toEqual({
      type: 'urn:loomworks:error:unauthenticated',
      title: expect.any(String),
      status: 401,
      detail: expect.any(String),
      instance: '/engagements/e1',
      code: 'unauthenticated',
      request_id: headers.get('x-request-id'),
    })
  })

  test('of an operation that another replaces says so, and until when it answers', async () => {
    const { status, headers } = await bench.ask('GET', '/catalogue/former')
    expect(status).toBe(200)
    expect(Object.fromEntries(headers)).toMatchObject({
      deprecation: '@1861920000',
      sunset: 'Wed, 01 Jan 2031 00:00:00 GMT',
      link: '</docs#open>; rel="successor-version"',
    })
    expect((await bench.ask('GET', '/catalogue/open')).headers.get('deprecation')).toBeNull()
  })

  test('belongs to the trace of its request, or begins one', async () => {
    const trace = 'a'.repeat(32)
    await bench.ask('GET', '/catalogue/open', { headers: { traceparent: `00-${trace}-${'b'.repeat(16)}-01` } })
    expect(bench.seen.at(-1)?.headers.traceparent).toMatch(new RegExp(`^00-${trace}-(?!b{16})[0-9a-f]{16}-01$`))
    for (const none of [undefined, 'garbage', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`]) {
      await bench.ask('GET', '/catalogue/open', { headers: none === undefined ? {} : { traceparent: none } })
      expect(bench.seen.at(-1)?.headers.traceparent).toMatch(/^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    }
  })
})

describe('a key of a repeat', () => {
  const write = (key: string) => bench.ask('POST', '/engagements', { body: '{"text":"x"}', headers: { ...json(bench.token()), 'idempotency-key': key } })

  test.each(['a', '"quoted"', 'x'.repeat(255), newId()])('of visible ASCII passes: %s', async (key) => {
    expect(await write(key)).toMatchObject({ status: 201 })
    expect(bench.seen.at(-1)?.headers['idempotency-key']).toBe(key)
  })

  test.each(['', 'a b', '"open', '""', 'x'.repeat(256), 'ä'])('of anything else is refused: %s', async (key) => {
    const before = bench.seen.length
    expect(await write(key)).toMatchObject({ status: 400, body: { code: 'idempotency.key_invalid' } })
    expect(bench.seen.length).toBe(before)
  })

  test('where one is required its lack is told, after who may not ask', async () => {
    const before = bench.seen.length
    expect(await bench.ask('POST', '/jobs/keyed', { body: '{}' })).toMatchObject({ status: 401 })
    expect(await bench.ask('POST', '/jobs/keyed', { body: '{}', headers: json(bench.token()) })).toMatchObject({
      status: 400,
      body: { code: 'idempotency.key_missing' },
    })
    expect(bench.seen.length).toBe(before)
    const keyed = { ...json(bench.token()), 'idempotency-key': 'k' }
    expect(await bench.ask('POST', '/jobs/keyed', { body: '{}', headers: keyed })).toMatchObject({ status: 200, body: { body: 'k' } })
  })
})
