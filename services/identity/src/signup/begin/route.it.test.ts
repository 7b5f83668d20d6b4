import { one, sql } from '@loomworks/sql'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../../identity-bench.ts'
import { signedUp } from '../../signing-up.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())

const begin = (body: unknown) => bench.ask('POST', '/auth/signup/begin', { body })

test('a stranger gets a registration, its secret as value and as cookie, and options for a passkey', async () => {
  const { status, body, cookies } = await begin({ email: '  Ada@Example.org ', display_name: 'Ada', companion_name: 'Mira' })
  expect(status).toBe(200)
  expect(body.registration_secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(body.options).toMatchObject({ rp: { id: 'localhost' }, user: { name: 'Ada@Example.org', displayName: 'Ada' }, attestation: 'none' })
  expect(cookies).toEqual([`signup=${body.registration_secret}; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax`])
  const minutes = (Date.parse(body.expires_at) - Date.now()) / 60_000
  expect(minutes).toBeGreaterThan(29)
  expect(minutes).toBeLessThanOrEqual(30)
})

test('the secret is not kept, only what tells it', async () => {
  const { body } = await begin({ email: 'secret@example.org', display_name: 'Ada' })
  const { row } = await one(
    bench.db,
    z.object({ row: z.string() }),
    sql`select r::text as row from identity.pending_registrations r where id = ${body.registration_id}`,
  )
  expect(row).not.toContain(body.registration_secret)
})

test('a known address is answered like an unknown one', async () => {
  await signedUp(bench, { email: 'known@example.org' })
  const known = await begin({ email: 'known@example.org', display_name: 'Eve' })
  const unknown = await begin({ email: 'unknown@example.org', display_name: 'Eve' })
  expect(known.status).toBe(200)
  expect(Object.keys(known.body)).toEqual(Object.keys(unknown.body))
  expect(known.body.options.excludeCredentials).toEqual([])
})

describe('the body is refused', () => {
  test.each([
    ['without an address', { display_name: 'Ada' }],
    ['with something that is no address', { email: 'ada', display_name: 'Ada' }],
    ['with an address of 255 characters', { email: `${'a'.repeat(243)}@example.org`, display_name: 'Ada' }],
    ['with a name that is only white space', { email: 'a@example.org', display_name: '   ' }],
    ['with a name of 81 characters', { email: 'a@example.org', display_name: 'a'.repeat(81) }],
    ['with a field nobody asked for', { email: 'a@example.org', display_name: 'Ada', state: 'active' }],
    ['with a companion name that is no text', { email: 'a@example.org', display_name: 'Ada', companion_name: 7 }],
    ['when it is no object', ['a@example.org']],
  ])('%s', async (_what, body) => {
    expect(await begin(body)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })

  test.each([
    ['is empty', ' '],
    ['is too long', 'a'.repeat(51)],
    ['is far too long', 'a'.repeat(10_000)],
    ['turns the writing around', 'Mi\u202era'],
  ])('with its own code where the companion name %s', async (_what, companion_name) => {
    expect(await begin({ email: 'a@example.org', display_name: 'Ada', companion_name })).toMatchObject({
      status: 422,
      body: { code: 'companion_name_invalid' },
    })
  })
})

describe.each(['closed', 'claim_only'])('where signing up is %s', (mode) => {
  test('nobody begins', async () => {
    await using closed = await identityBench({ adminUrl: inject('adminUrl'), environment: { 'SETTING_SIGNUP.MODE': mode } })
    const answer = await closed.ask('POST', '/auth/signup/begin', { body: { email: 'ada@example.org', display_name: 'Ada' } })
    expect(answer).toMatchObject({ status: 403, body: { code: 'signup.closed' } })
  })
})

test('without a token of the gateway nobody is heard', async () => {
  expect(bench.service.app).toBeDefined()
  const answer = await bench.service.app?.inject({ method: 'POST', url: '/auth/signup/begin', payload: { email: 'a@example.org', display_name: 'Ada' } })
  expect(answer?.json()).toMatchObject({ status: 401, code: 'internal_token_invalid' })
})
