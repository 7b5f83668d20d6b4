// Calls between services over real sockets, with a stand-in for identity.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { Refusal, Terminal, Transient } from '@loomworks/kernel'
import { type FakeClock, fakeClock, IdentityStandIn } from '@loomworks/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type ServiceClient, serviceClient } from './client.ts'

let sockets: string
let clock: FakeClock
let identity: IdentityStandIn
let memory: Server
let client: ServiceClient
let asked: { url: string; method: string; authorization: string | undefined; body: string }[]
let answer: (request: IncomingMessage, response: ServerResponse) => void

const problem = (status: number, code: string) => (_request: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ code, status, title: 'Not now.', detail: 'Later.' }))
const says =
  (body: string, status = 200) =>
  (_request: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(status).end(body)

beforeEach(async () => {
  sockets = await mkdtemp(path.join(tmpdir(), 'lw-'))
  clock = fakeClock()
  identity = await IdentityStandIn.listening(path.join(sockets, 'identity'), clock)
  asked = []
  answer = says('{"ok":true}')
  memory = createServer((request, response) => {
    void text(request).then((body) => {
      asked.push({ url: request.url ?? '', method: request.method ?? '', authorization: request.headers.authorization, body })
      answer(request, response)
    })
  })
  await new Promise<void>((done) => memory.listen(path.join(sockets, 'memory'), done))
  const addressOf = (service: string) => ({ origin: 'http://localhost', socketPath: path.join(sockets, service) })
  client = serviceClient({ service: 'credit', secret: 'secret', addressOf, now: () => clock.now() })
})
afterEach(async () => {
  await client.close()
  memory.closeAllConnections()
  await new Promise((done) => memory.close(done))
  await identity[Symbol.asyncDispose]()
  await rm(sockets, { recursive: true, force: true })
})

const Ok = z.object({ ok: z.boolean() })
const call = (over: object = {}) => client.call('memory', Ok, { method: 'POST', path: '/internal/x', body: { a: 1 }, ...over })

test('a call carries a token of the caller for the called, and its body', async () => {
  expect(await call()).toEqual({ ok: true })
  expect(asked).toEqual([{ url: '/internal/x', method: 'POST', authorization: expect.stringMatching(/^Bearer ey/), body: '{"a":1}' }])
  const claims = JSON.parse(Buffer.from(asked[0]?.authorization?.split('.')[1] ?? '', 'base64url').toString())
  expect(claims).toMatchObject({ aud: 'memory', azp: 'credit', act: { kind: 'service', id: 'credit' } })
})

describe('a token', () => {
  test('is asked for once, also by many at once, and renewed shortly before its end', async () => {
    const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => client.tokenFor('memory')))
    expect(new Set([first, ...others]).size).toBe(1)
    clock.advance(54_000)
    expect(await client.tokenFor('memory')).toBe(first)
    clock.advance(1000)
    const renewed = await Promise.all(Array.from({ length: 5 }, () => client.tokenFor('memory')))
    expect(new Set(renewed).size).toBe(1)
    expect(renewed[0]).not.toBe(first)
  })

  test('is for one audience', async () => {
    expect(await client.tokenFor('memory')).not.toBe(await client.tokenFor('audit'))
  })

  test('that could not be had is asked for again by the next', async () => {
    identity.down = true
    await expect(call()).rejects.toBeInstanceOf(Transient)
    identity.down = false
    expect(await call()).toEqual({ ok: true })
  })

  test("may be the person's, when acting for one", async () => {
    await call({ authorization: 'Bearer theirs' })
    expect(asked[0]?.authorization).toBe('Bearer theirs')
  })
})

describe('an answer', () => {
  test('that states a problem is that refusal', async () => {
    answer = problem(409, 'memory.wrong_state')
    const refusal = await call().catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(Refusal)
    expect(refusal).toMatchObject({ code: 'memory.wrong_state', status: 409, message: 'Not now.', remedy: 'Later.' })
  })

  test('that says by a code of its own that it cannot now is that refusal too, with when to ask again', async () => {
    answer = (_request, response) => {
      response.setHeader('retry-after', '5')
      problem(503, 'signup.busy')(_request, response)
    }
    expect(await call().catch((error: unknown) => error)).toMatchObject({ name: 'Refusal', code: 'signup.busy', status: 503, retryAfterS: 5 })
  })

  test.each<[string, () => void]>([
    ['of trouble there', () => (answer = problem(503, 'dependency_down'))],
    ['of a bug there', () => (answer = problem(500, 'internal'))],
    ['that our token does not fit', () => (answer = problem(401, 'internal_token_invalid'))],
    ['that states nothing', () => (answer = says('<html>', 404))],
    ['that is no JSON', () => (answer = says('<html>'))],
    ['that breaks off', () => (answer = (_request, response) => void response.destroy())],
  ])('%s passes with time', async (_what, given) => {
    given()
    await expect(call()).rejects.toBeInstanceOf(Transient)
  })

  test('that does not come in time passes with time', async () => {
    answer = () => undefined
    await expect(call({ timeoutMs: 50 })).rejects.toBeInstanceOf(Transient)
  })

  test('from nobody passes with time', async () => {
    await expect(client.call('audit', Ok, { path: '/x', authorization: 'Bearer x' })).rejects.toThrow('no answer to GET /x')
  })

  test('that does not fit its schema is a bug: no retry mends it', async () => {
    answer = says('{"ok":"yes"}')
    await expect(call()).rejects.toBeInstanceOf(Terminal)
  })
})

test("how far identity's clock is ahead is known from its first answer on", async () => {
  expect(client.clockSkewS()).toBeUndefined()
  const ours = Date.now()
  await client.tokenFor('memory')
  // The stand-in's server says the real time, the client's clock stands in another year.
  expect(client.clockSkewS()).toBeCloseTo((ours - clock.now()) / 1000, -1)
})
