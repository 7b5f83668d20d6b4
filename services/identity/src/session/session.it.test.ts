import { tokenHash } from '@loomworks/kernel'
import { sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { loggedIn, type SignedUp, signedUp, steppedUp } from '../signing-up.ts'

const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = () => signedUp(bench, { email: `s${++next}@example.org` })
const list = (session: string, query = '') => bench.ask('GET', `/me/sessions${query}`, { session })
const opens = async (token: string) => (await bench.introspect(token)).body
const another = async (ada: SignedUp): Promise<{ readonly id: string; readonly token: string }> => (await loggedIn(bench, ada.authenticator)).body.session

const endsTold = async (personId: string) => (await bench.told('SessionRevoked', personId)).map(({ data }) => data)

describe('my sessions', () => {
  test('are listed, the newest first, with where and how each was opened', async () => {
    const ada = await person()
    clock.advance(1)
    const second = await another(ada)
    const { status, body } = await list(second.token)
    expect(status).toBe(200)
    expect(body).toEqual({
      items: [
        {
          id: second.id,
          current: true,
          device: 'bench',
          ip_prefix: '203.0.113.0/24',
          method: 'passkey',
          created_at: expect.any(String),
          last_seen_at: expect.any(String),
          expires_at: expect.any(String),
        },
        expect.objectContaining({ id: ada.answer.body.session.id, current: false, method: 'passkey' }),
      ],
      next_cursor: null,
    })
  })

  test('say when each was last seen, which is noted once a minute at most', async () => {
    const ada = await person()
    const seen = async () => (await list(ada.session)).body.items[0].last_seen_at
    const first = await seen()
    clock.advance(59_999)
    expect(await seen()).toBe(first)
    clock.advance(1)
    expect(Date.parse(await seen()) - Date.parse(first)).toBe(60_000)
  })

  test('come page by page', async () => {
    const ada = await person()
    clock.advance(1)
    const second = await another(ada)
    const first = await list(ada.session, '?limit=1')
    expect(first.body).toMatchObject({ items: [{ id: second.id }], next_cursor: second.id })
    const rest = await list(ada.session, `?limit=1&cursor=${first.body.next_cursor}`)
    expect(rest.body.items).toMatchObject([{ id: ada.answer.body.session.id }])
    expect(await list(ada.session, '?limit=101')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })

  test('are nobody else’s to see, and those that have ended are gone from the list', async () => {
    const [ada, eve] = [await person(), await person()]
    const second = await another(ada)
    await bench.ask('POST', '/auth/logout', { session: second.token })
    expect((await list(ada.session)).body.items).toHaveLength(1)
    expect((await list(eve.session)).body.items).toMatchObject([{ id: eve.answer.body.session.id }])
    expect(await bench.ask('GET', '/me/sessions')).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })
})

describe('ending', () => {
  test('one session leaves the others, tells the bus, and is the same when it has ended', async () => {
    const ada = await person()
    const second = await another(ada)
    const end = () => bench.ask('DELETE', `/me/sessions/${second.id}`, { session: ada.session })
    expect(await end()).toMatchObject({ status: 204, cookies: [] })
    expect(await end()).toMatchObject({ status: 204 })
    expect(await opens(second.token)).toEqual({ active: false, code: 'token_refused' })
    expect(await opens(ada.session)).toMatchObject({ active: true })
    expect(await endsTold(ada.personId)).toEqual([{ personId: ada.personId, sessionId: second.id, reason: 'revoked' }])
  })

  test('the session one comes by clears its cookie', async () => {
    const ada = await person()
    const answer = await bench.ask('DELETE', `/me/sessions/${ada.answer.body.session.id}`, { session: ada.session })
    expect(answer.status).toBe(204)
    expect(answer.cookies[0]).toMatch(/^lw=; .*Max-Age=0/)
  })

  test('a session of somebody else, or of nobody, is not found', async () => {
    const [ada, eve] = [await person(), await person()]
    for (const id of [eve.answer.body.session.id, '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44'])
      expect(await bench.ask('DELETE', `/me/sessions/${id}`, { session: ada.session })).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await bench.ask('DELETE', '/me/sessions/x', { session: ada.session })).toMatchObject({ status: 422 })
    expect(await opens(eve.session)).toMatchObject({ active: true })
  })

  test('the others leaves this one, ending all leaves none; nobody else feels it', async () => {
    const [ada, eve] = [await person(), await person()]
    const others = [await another(ada), await another(ada)]
    expect(await bench.ask('POST', '/me/sessions/revoke-others', { session: ada.session })).toMatchObject({ status: 200, body: { revoked: 2 } })
    for (const { token } of others) expect(await opens(token)).toMatchObject({ active: false })
    expect(await opens(ada.session)).toMatchObject({ active: true })
    await another(ada)
    const all = await bench.ask('POST', '/me/sessions/revoke-all', { session: ada.session })
    expect(all).toMatchObject({ status: 200, body: { revoked: 2 } })
    expect(all.cookies[0]).toMatch(/^lw=; .*Max-Age=0/)
    expect(await opens(ada.session)).toMatchObject({ active: false })
    expect(await opens(eve.session)).toMatchObject({ active: true })
    expect(await endsTold(ada.personId)).toHaveLength(4)
  })
})

describe('a token that was replaced', () => {
  const stepUpOf = async (token: string) => JSON.parse(Buffer.from((await opens(token)).token.split('.')[1] ?? '', 'base64url').toString()).step_up
  const expiresIn = (body: { expiresAt: string }) => Date.parse(body.expiresAt) - clock.now()

  test('opens the same session for thirty seconds more, and nothing beyond them', async () => {
    const ada = await person()
    const { token } = await steppedUp(bench, ada)
    clock.advance(10_000)
    const old = await opens(ada.session)
    expect(old).toMatchObject({ active: true })
    expect(expiresIn(old)).toBeLessThanOrEqual(21_000)
    expect(expiresIn(await opens(token))).toBeGreaterThan(58_000)
    expect((await list(ada.session)).body.items).toMatchObject([{ id: ada.answer.body.session.id, current: true }])
  })

  test('opens what it opened: the proof that replaced it is not its own', async () => {
    const ada = await person()
    clock.advance(600_000)
    const stale = await stepUpOf(ada.session)
    const { token } = await steppedUp(bench, ada)
    expect(await stepUpOf(ada.session)).toEqual(stale)
    expect((await stepUpOf(token)).at).toBeGreaterThan(stale.at)
  })

  test('ends the session when it is shown later, the new token too', async () => {
    const ada = await person()
    const { token } = await steppedUp(bench, ada)
    clock.advance(30_000)
    expect(await opens(token)).toMatchObject({ active: true })
    expect(await opens(ada.session)).toEqual({ active: false, code: 'token_refused' })
    expect(await opens(token)).toEqual({ active: false, code: 'token_refused' })
    expect(await endsTold(ada.personId)).toMatchObject([{ reason: 'reuse' }])
    expect(await bench.told('SessionRevoked', ada.personId)).toMatchObject([{ actor: { kind: 'service', id: 'identity' } }])
  })

  test('asked about again, while what it opened is still open, ends nothing: nobody has shown it', async () => {
    const ada = await person()
    const { token } = await steppedUp(bench, ada)
    clock.advance(30_000)
    const again = { credentialHash: tokenHash(ada.session), audience: 'identity', again: true }
    expect((await bench.internal('gateway', 'POST', '/internal/introspect', again, true)).body).toEqual({ active: false, code: 'token_refused' })
    expect(await opens(token)).toMatchObject({ active: true })
  })

  test('before the last but one opens nothing, and ends nothing', async () => {
    const ada = await person()
    const first = await steppedUp(bench, ada)
    const second = await steppedUp(bench, { ...ada, session: first.token })
    expect(await opens(ada.session)).toEqual({ active: false, code: 'token_refused' })
    clock.advance(30_000)
    expect(await opens(ada.session)).toEqual({ active: false, code: 'token_refused' })
    expect(await opens(second.token)).toMatchObject({ active: true })
  })

  test('of a session whose time is over says so', async () => {
    const ada = await person()
    await steppedUp(bench, ada)
    clock.advance(12 * 3_600_000)
    expect(await opens(ada.session)).toEqual({ active: false, code: 'session_expired' })
  })
})

test('ID-INV-15: a restricted session reaches only what names its restriction', async () => {
  const ada = await person()
  for (const restricted of ['recovery', 'erasing']) {
    await bench.db.query(sql`update identity.sessions set restricted = ${restricted} where person_id = ${ada.personId}`)
    expect(await bench.ask('GET', '/me', { session: ada.session })).toMatchObject({ status: 200 })
    for (const [method, url] of [
      ['GET', '/me/sessions'],
      ['POST', '/me/sessions/revoke-others'],
      ['POST', '/auth/step-up/begin'],
    ] as const)
      expect(await bench.ask(method, url, { session: ada.session })).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } })
  }
})

test('who is being erased keeps only a session that is kept to it', async () => {
  const ada = await person()
  const second = await another(ada)
  await bench.db.query(sql`update identity.persons set state = 'erasing' where id = ${ada.personId}`)
  await bench.db.query(sql`update identity.sessions set restricted = 'erasing' where id = ${second.id}`)
  expect(await opens(ada.session)).toEqual({ active: false, code: 'token_refused' })
  expect(await opens(second.token)).toMatchObject({ active: true })
})
