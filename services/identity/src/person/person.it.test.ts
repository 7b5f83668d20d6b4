import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { type SignedUp, signedUp } from '../signing-up.ts'

let bench: IdentityBench
let ada: SignedUp
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
  ada = await signedUp(bench, { email: 'ada@example.org' })
})
afterAll(() => bench[Symbol.asyncDispose]())

const nameCompanion = (name: unknown, session = ada.session) => bench.ask('PATCH', '/me/companion-name', { session, body: { name } })
const rename = (display_name: unknown) => bench.ask('PATCH', '/me', { session: ada.session, body: { display_name } })

const factsOf = (personId: string) => bench.told('PersonNamesChanged', personId)

describe('who I am', () => {
  test('is told to me alone', async () => {
    const { status, body } = await bench.ask('GET', '/me', { session: ada.session })
    expect(status).toBe(200)
    expect(body).toEqual({
      id: ada.personId,
      email: 'ada@example.org',
      email_verified: false,
      display_name: 'Ada',
      companion_name: 'Companion',
      personal_engagement_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      account_status: 'active',
      roles: [],
      recovery_codes_left: 10,
      created_at: expect.any(String),
    })
  })

  test.each([
    ['GET', '/me', undefined],
    ['PATCH', '/me', { display_name: '' }],
    ['PATCH', '/me/companion-name', { name: '' }],
  ] as const)('%s %s without a session is 401, before the body is looked at', async (method, url, body) => {
    expect(await bench.ask(method, url, body === undefined ? {} : { body })).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })
})

describe('the Companion', () => {
  test('is called what I say, and the old name is gone', async () => {
    expect(await nameCompanion('  Mira ')).toMatchObject({ status: 200, body: { companion_name: 'Mira' } })
    expect((await bench.ask('GET', '/me', { session: ada.session })).body.companion_name).toBe('Mira')
  })

  test.each([
    ['nothing', ''],
    ['white space', '   '],
    ['51 characters', 'a'.repeat(51)],
    ['a control character', 'a\u0007'],
  ])('is not called %s', async (_what, name) => {
    expect(await nameCompanion(name)).toMatchObject({ status: 422, body: { code: 'companion_name_invalid' } })
  })

  test('is named by text, and nothing else comes along', async () => {
    expect(await nameCompanion(7)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await bench.ask('PATCH', '/me/companion-name', { session: ada.session, body: { name: 'M', state: 'x' } })).toMatchObject({
      status: 422,
      body: { code: 'invalid_body' },
    })
  })
})

describe('my own name', () => {
  test('is what I say; the name at the signup stays beside it', async () => {
    expect(await rename('Ada Lovelace')).toMatchObject({ status: 200, body: { display_name: 'Ada Lovelace' } })
    const names = await bench.internal('memory', 'POST', '/internal/persons:names', { ids: [ada.personId] })
    expect(names.body).toMatchObject([{ displayName: 'Ada Lovelace', signupDisplayName: 'Ada' }])
  })

  test('is no white space and not endless', async () => {
    expect(await rename(' ')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await rename('a'.repeat(81))).toMatchObject({ status: 422 })
  })
})

test('a change of a name is a fact that names the field, never the name; the same name again is none', async () => {
  const eve = await signedUp(bench, { email: 'eve@example.org' })
  await nameCompanion('Nyx', eve.session)
  await nameCompanion('Nyx', eve.session)
  const facts = await factsOf(eve.personId)
  expect(facts).toMatchObject([
    { revision: 7, prevRevision: 6, actor: { kind: 'person', id: eve.personId }, data: { personId: eve.personId, fields: ['companion_name'] } },
  ])
  expect(JSON.stringify(facts)).not.toContain('Nyx')
})
