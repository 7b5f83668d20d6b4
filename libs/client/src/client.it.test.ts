// The client against a server that plays its part on a real port: what is sent, what is sent again, and what a refusal becomes.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { passkeys } from './browser.ts'
import { Client, isRefused, Refused, SignUp } from './index.ts'

interface Said {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

let server: Server | undefined
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

type Part = (response: ServerResponse) => unknown

const json =
  (body: unknown, status = 200): Part =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const problem =
  (code: string, status: number, headers: Record<string, string> = {}): Part =>
  (response) =>
    response
      .writeHead(status, { 'content-type': 'application/problem+json', ...headers })
      .end(JSON.stringify({ code, status, title: 'No.', detail: 'Do otherwise.', request_id: 'r1', level: 'passkey' }))
const events =
  (...data: readonly unknown[]): Part =>
  (response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(data.map((each, at) => `id: ${at + 1}\ndata: ${JSON.stringify(each)}\n\n`).join(''))
const silence: Part = (response) => response.destroy()

/** A server that answers each request with the next part; the last one for ever. */
async function playing(...parts: readonly Part[]): Promise<{ url: string; said: readonly Said[] }> {
  const said: Said[] = []
  const listening = createServer(({ method = '', url = '', headers }, response) => {
    const part = parts[Math.min(said.length, parts.length - 1)]
    said.push({ method, url, headers })
    part?.(response)
  })
  server = listening
  await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, said }
}

const grant = { recipient_email: 'a@example.org', grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '1' } as const

test('an operation is asked by its id, with its parameters in their places and the token beside', async () => {
  const { url, said } = await playing(json({ items: [], next_cursor: null }))
  const client = new Client({ url, token: 't1' })
  await client.call('listMemory', { params: { engagement: 'a b/c' }, query: { limit: 5 } })
  expect(said).toMatchObject([{ method: 'GET', url: '/engagements/a%20b%2Fc/memory?limit=5', headers: { authorization: 'Bearer t1' } }])
})

test('a parameter that would change the address is not sent', async () => {
  const { url, said } = await playing(json({}))
  const client = new Client({ url })
  await expect(client.call('showEngagement', { params: { engagement: '..' } })).rejects.toThrow(RangeError)
  await expect(client.call('showEngagement', { params: { engagement: '' } })).rejects.toThrow('engagement cannot be ""')
  expect(said).toEqual([])
})

test('a problem is an error with its code, its sentence and what the code adds', async () => {
  const { url } = await playing(problem('step_up_required', 403))
  const error = await new Client({ url }).call('issueGrant', { body: grant }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Refused)
  expect(error).toMatchObject({ code: 'step_up_required', status: 403, detail: 'Do otherwise.', requestId: 'r1', problem: { level: 'passkey' } })
  expect(isRefused(error, 'step_up_required', 'not_found')).toBe(true)
  expect(isRefused(error, 'not_found')).toBe(false)
  expect(isRefused(new Error('other'))).toBe(false)
})

test('an answer that is no problem at all is an error too', async () => {
  const { url } = await playing((response) => response.writeHead(502).end('<html>'))
  await expect(new Client({ url }).call('showMe')).rejects.toMatchObject({ status: 502, code: 'internal' })
})

test('a rate limit is waited for as long as it says', async () => {
  const { url, said } = await playing(problem('rate_limited', 429, { 'retry-after': '1' }), json({ challenge_id: 'c', options: {} }))
  const began = performance.now()
  await new Client({ url }).call('beginLogin', { body: {} })
  expect(performance.now() - began).toBeGreaterThan(900)
  expect(said).toHaveLength(2)
})

test('a stream that is one too many is opened when one may be', async () => {
  const { url, said } = await playing(
    problem('too_many_streams', 429, { 'retry-after': '0' }),
    (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end('id: 1\nevent: turn\ndata: {}\n\n'),
    (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
  )
  const ids: string[] = []
  for await (const { id } of new Client({ url }).follow('followSignup', { params: { registration_id: 'r' } })) ids.push(id)
  expect(ids).toEqual(['1'])
  expect(said).toHaveLength(3)
})

test('a rate limit beyond the patience is told', async () => {
  const { url, said } = await playing(problem('rate_limited', 429, { 'retry-after': '60' }))
  await expect(new Client({ url, patienceMs: 500 }).call('showMe')).rejects.toMatchObject({ code: 'rate_limited', retryAfterS: 60 })
  expect(said).toHaveLength(1)
})

test('what has an Idempotency-Key is sent again under the same key', async () => {
  const { url, said } = await playing(silence, problem('dependency_down', 503, { 'retry-after': '0' }), json({ claim_token: 'x' }, 201))
  await new Client({ url }).call('issueGrant', { body: grant })
  const keys = said.map(({ headers }) => headers['idempotency-key'])
  expect(keys).toHaveLength(3)
  expect(new Set(keys).size).toBe(1)
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
})

test('a form brings its own key', async () => {
  const { url, said } = await playing(json({ claim_token: 'x' }, 201))
  await new Client({ url }).call('issueGrant', { body: grant }, { key: 'form-1' })
  expect(said[0]?.headers['idempotency-key']).toBe('form-1')
})

test('a write without a key is never sent twice', async () => {
  const { url, said } = await playing(silence)
  await expect(new Client({ url }).call('changeDisplayName', { body: { display_name: 'Ada' } })).rejects.toThrow(TypeError)
  expect(said).toHaveLength(1)
})

test('a list is read page by page, and no page before it is wanted', async () => {
  const { url, said } = await playing(json({ items: [1, 2], next_cursor: 'n' }), json({ items: [3], next_cursor: null }))
  const items: unknown[] = []
  for await (const item of new Client({ url }).pages('listEngagements', { query: { limit: 2 } })) {
    if (items.length < 2) expect(said).toHaveLength(1)
    items.push(item)
  }
  expect(items).toEqual([1, 2, 3])
  expect(said.map((each) => each.url)).toEqual(['/engagements?limit=2', '/engagements?limit=2&cursor=n'])
})

test('a call ends when its signal aborts, also while it waits', async () => {
  const { url } = await playing(problem('rate_limited', 429, { 'retry-after': '5' }))
  await expect(new Client({ url }).call('showMe', {}, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ name: 'TimeoutError' })
})

test('where there is no browser, its passkeys say so', async () => {
  await expect(passkeys.register({ challenge: '' })).rejects.toThrow('not supported')
  await expect(passkeys.authenticate({ challenge: '' }, { autofill: false })).rejects.toThrow('not supported')
})

test('a signup that is undone says why, and is not begun again by itself', async () => {
  const failed = { registration_id: 'r', state: 'failed', code: 'signup.timed_out', http_status: 503, title: 'It took too long.', detail: 'Try again.' }
  const { url, said } = await playing(json({ state: 'pending' }, 202), events(failed))
  const signUp = new SignUp(new Client({ url }), passkeys, 'r', 's')
  const error = await signUp.finish('123456').catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'signup.timed_out', status: 503, message: 'It took too long.', detail: 'Try again.' })
  expect(isRefused(error)).toBe(true)
  expect(said.map(({ method }) => method)).toEqual(['POST', 'GET'])
})
