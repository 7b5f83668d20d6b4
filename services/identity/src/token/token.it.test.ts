import { ServiceName, tokenHash } from '@loomworks/kernel'
import { type Itk, tokenVerifier } from '@loomworks/service-kit'
import { exec, one, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { signedUp } from '../signing-up.ts'
import { sweep } from '../sweeping.ts'

const clock = fakeClock()
const THIRTY_DAYS_MS = 30 * 86_400_000
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = () => signedUp(bench, { email: `k${++next}@example.org` })
const keys = async () => (await bench.internal('memory', 'GET', '/internal/keys', undefined, true)).body
const verified = (token: string, audience: string): Promise<Itk> => tokenVerifier(audience, keys, () => clock.now()).verify(token)
const introspect = (credentialHash: string, audience = 'memory', from: ServiceName = 'gateway') =>
  bench.internal(from, 'POST', '/internal/introspect', { credentialHash, audience }, true)

describe('a session', () => {
  test('opens a token of sixty seconds for one audience, with everything but the staff’s scopes', async () => {
    const ada = await person()
    const { status, body } = await introspect(tokenHash(ada.session))
    expect(status).toBe(200)
    expect(body).toMatchObject({ active: true, rateClass: 'person' })
    const claims = await verified(body.token, 'memory')
    expect(claims).toMatchObject({
      iss: 'loomworks-identity',
      aud: 'memory',
      azp: 'gateway',
      sub: ada.personId,
      act: { kind: 'person', id: ada.personId },
      account: 'active',
    })
    expect(claims.exp - claims.iat).toBe(60)
    expect(Date.parse(body.expiresAt)).toBe(claims.exp * 1000)
    expect(claims.sid).toBe(ada.answer.body.session.id)
    expect(claims.scope.split(' ')).toEqual(expect.arrayContaining(['account.write', 'memory.commit', 'companion.approve']))
    expect(claims.scope).not.toMatch(/admin\.|saga\./)
    expect(claims).not.toHaveProperty('roles')
  })

  test('opens nothing at another service', async () => {
    const ada = await person()
    const { body } = await introspect(tokenHash(ada.session), 'memory')
    await expect(verified(body.token, 'credit')).rejects.toMatchObject({ code: 'internal_token_invalid' })
  })

  test('opens nothing after its minute', async () => {
    const ada = await person()
    const { body } = await introspect(tokenHash(ada.session))
    clock.advance(60_000)
    await expect(verified(body.token, 'memory')).rejects.toMatchObject({ code: 'internal_token_invalid' })
  })

  test('of a person with roles carries them and their scopes', async () => {
    const ada = await person()
    await exec(
      bench.db,
      sql`insert into identity.person_roles (person_id, role, granted_by) values (${ada.personId}, 'ops', '{"kind":"service","id":"operator"}')`,
    )
    const claims = await verified((await introspect(tokenHash(ada.session))).body.token, 'memory')
    expect(claims.roles).toEqual(['ops'])
    expect(claims.scope.split(' ')).toContain('saga.read')
  })

  test('of who has used up their credit opens what it did', async () => {
    const ada = await person()
    const claims = async () => verified((await introspect(tokenHash(ada.session))).body.token, 'memory')
    const { scope } = await claims()
    await exec(bench.db, sql`update identity.persons set account_status = 'exhausted' where id = ${ada.personId}`)
    expect(await claims()).toMatchObject({ scope, account: 'exhausted' })
    expect(await bench.ask('PATCH', '/me', { session: ada.session, body: { display_name: 'Eve' } })).toMatchObject({ status: 200 })
  })

  test('of a locked account says so; of an erased one it opens nothing', async () => {
    const ada = await person()
    await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
    expect((await introspect(tokenHash(ada.session))).body).toEqual({ active: false, code: 'account_locked' })
    await exec(bench.db, sql`update identity.persons set state = 'erased' where id = ${ada.personId}`)
    expect((await introspect(tokenHash(ada.session))).body).toEqual({ active: false, code: 'token_refused' })
  })

  test('nobody holds opens nothing', async () => {
    expect((await introspect(tokenHash('lws_nonsense'))).body).toEqual({ active: false, code: 'token_refused' })
  })
})

test('the operator token opens the sagas and is nobody’s session', async () => {
  const { body } = await introspect(tokenHash(bench.operatorToken), 'identity')
  expect(body).toMatchObject({ active: true, rateClass: 'operator' })
  const claims = await verified(body.token, 'identity')
  expect(claims).toMatchObject({ act: { kind: 'service', id: 'operator' }, roles: ['ops'], scope: 'saga.read saga.act saga.force' })
  expect(claims).not.toHaveProperty('sid')
  expect(claims).not.toHaveProperty('account')
})

describe('introspection', () => {
  test('is for the gateway', async () => {
    expect(await introspect(tokenHash('x'), 'memory', 'credit')).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  })

  test('needs the secret, a token is not enough', async () => {
    expect(await bench.internal('gateway', 'POST', '/internal/introspect', { credentialHash: tokenHash('x'), audience: 'memory' })).toMatchObject({
      status: 401,
      body: { code: 'internal_token_invalid' },
    })
  })

  test('takes a hash and a service', async () => {
    expect(await introspect('short')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await introspect(tokenHash('x'), 'stranger')).toMatchObject({ status: 422 })
  })
})

describe('a service', () => {
  test.each(ServiceName.options)('%s gets a token that says who it is and nothing more', async (name) => {
    const { status, body } = await bench.internal(name, 'POST', '/internal/tokens/service', { audience: 'credit' }, true)
    expect(status).toBe(200)
    expect(await verified(body.token, 'credit')).toMatchObject({ sub: name, azp: name, act: { kind: 'service', id: name }, scope: '' })
  })

  test('with a wrong secret gets none, nor the keys', async () => {
    const send = (url: string, method: 'GET' | 'POST', authorization?: string) =>
      bench.service.app?.inject({
        method,
        url,
        headers: { ...(authorization && { authorization }) },
        ...(method === 'POST' && { payload: { audience: 'credit' } }),
      })
    for (const authorization of ['Service memory:wrong', 'Service stranger:x', 'Bearer x', undefined]) {
      expect((await send('/internal/tokens/service', 'POST', authorization))?.json()).toMatchObject({ status: 401, code: 'internal_token_invalid' })
      expect((await send('/internal/keys', 'GET', authorization))?.json()).toMatchObject({ status: 401, code: 'internal_token_invalid' })
    }
  })

  test('asks for the audience by its name', async () => {
    expect(await bench.internal('memory', 'POST', '/internal/tokens/service', { audience: 'stranger' }, true)).toMatchObject({
      status: 422,
      body: { code: 'invalid_body' },
    })
  })
})

describe('the keys', () => {
  test('are public ones of Ed25519; the private halves are sealed', async () => {
    const { keys: published } = await keys()
    expect(published.length).toBeGreaterThanOrEqual(1)
    for (const key of published) {
      expect(key).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid: expect.any(String) })
      expect(key).not.toHaveProperty('d')
    }
  })

  test('turn over every thirty days; two are published, and what the old one signed stays good', async () => {
    await using turning = await identityBench({ adminUrl: inject('adminUrl'), clock })
    const published = async () => (await turning.internal('memory', 'GET', '/internal/keys', undefined, true)).body
    const first = (await published()).keys.map(({ kid }: { kid: string }) => kid)
    expect(first).toHaveLength(1)
    clock.advance(THIRTY_DAYS_MS - 1000)
    const { body } = await turning.internal('memory', 'POST', '/internal/tokens/service', { audience: 'credit' }, true)
    clock.advance(1000)
    const second = (await published()).keys.map(({ kid }: { kid: string }) => kid)
    expect(second).toHaveLength(2)
    expect(second[1]).toBe(first[0])
    expect(await tokenVerifier('credit', published, () => clock.now()).verify(body.token)).toMatchObject({ sub: 'memory' })
    clock.advance(THIRTY_DAYS_MS)
    const third = (await published()).keys.map(({ kid }: { kid: string }) => kid)
    expect(third).toHaveLength(2)
    expect(third).not.toContain(first[0])
    expect(await turning.told('SigningKeyRotated')).toMatchObject([{ data: { kid: second[0] } }, { data: { kid: third[0] } }])
  })
})

test('sweeping forgets what is over, and keeps what is not', async () => {
  const registration = await bench.ask('POST', '/auth/signup/begin', { body: { email: 'sweep@example.org', display_name: 'Sweep' } })
  await bench.ask('POST', '/auth/login/passkey/begin', { body: {} })
  const rows = async () =>
    one(
      bench.db,
      z.object({ open: z.int(), personal: z.int(), challenges: z.int() }),
      sql`select count(*)::integer as open, count(email)::integer as personal, (select count(*)::integer from identity.challenges) as challenges
            from identity.pending_registrations where id = ${registration.body.registration_id}`,
    )
  const parts = { db: bench.db, clock, relay: { prune: async () => 0 }, signing: { rotate: async () => undefined } } as unknown as Parameters<typeof sweep>[0]
  await sweep(parts)
  expect(await rows()).toMatchObject({ open: 1, personal: 1 })
  clock.advance(1_800_000)
  await sweep(parts)
  expect(await rows()).toEqual({ open: 1, personal: 0, challenges: 0 })
  clock.advance(86_400_000)
  await sweep(parts)
  expect(await rows()).toMatchObject({ open: 0 })
})
