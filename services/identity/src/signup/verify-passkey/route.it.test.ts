// The passkey step and what surrounds it: fresh options before, new factors after.
import { one, sql } from '@loomworks/sql'
import { fakeClock, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench, ORIGIN } from '../../identity-bench.ts'
import { type Begun, begun, signedUp, withFactors } from '../../signing-up.ts'

const clock = fakeClock()
const HALF_AN_HOUR_MS = 1_800_000
const FIVE_MINUTES_MS = 300_000
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const signer = () => ({ email: `p${++next}@example.org` })
const post = (url: string, { id, headers }: Pick<Begun, 'id' | 'headers'>, body: object = {}) =>
  bench.ask('POST', url, { body: { registration_id: id, ...body }, headers })
const options = (registration: Begun) => post('/auth/signup/passkey/options', registration)
const renew = (registration: Begun) => post('/auth/signup/totp/renew', registration)
const show = (registration: Begun, credential: unknown, more: object = {}) => post('/auth/signup/passkey', registration, { credential, ...more })

describe('a passkey', () => {
  test('that answers the options is kept, and the second factors are shown once', async () => {
    const registration = await begun(bench, signer())
    const { status, body } = await show(registration, registration.authenticator.register(registration.answer.body.options), { credential_name: 'My laptop' })
    expect(status).toBe(200)
    expect(body.totp.secret).toMatch(/^[A-Z2-7]{32}$/)
    expect(body.totp.otpauth_uri).toContain(`secret=${body.totp.secret}`)
    expect(new Set(body.recovery_codes).size).toBe(10)
    expect(body.expires_at).toBe(registration.answer.body.expires_at)
    expect(await rowText(registration.id)).not.toContain(body.totp.secret)
    for (const code of body.recovery_codes) expect(await rowText(registration.id)).not.toContain(code)
  })

  test('is taken by cookie as well; the header wins where both come', async () => {
    const registration = await begun(bench, signer())
    const credential = registration.authenticator.register(registration.answer.body.options)
    const ask = (headers: Record<string, string>) =>
      bench.ask('POST', '/auth/signup/passkey', { body: { registration_id: registration.id, credential }, headers })
    expect(await ask({ cookie: `signup=${registration.secret}`, 'x-client-authorization': `Signup ${'A'.repeat(43)}` })).toMatchObject({ status: 404 })
    expect(await ask({ cookie: `signup=${registration.secret}` })).toMatchObject({ status: 200 })
  })

  test('is shown once', async () => {
    const registration = await withFactors(bench, signer())
    const again = registration.authenticator.register(registration.answer.body.options)
    expect(await show(registration, again)).toMatchObject({ status: 409, body: { code: 'signup.state', state: 'passkey_verified' } })
  })

  test('that lies is rejected, and its challenge is used up', async () => {
    const registration = await begun(bench, signer())
    const { options: asked } = registration.answer.body
    const lie = registration.authenticator.register(asked, { origin: 'https://evil.example' })
    expect(await show(registration, lie)).toMatchObject({ status: 401, body: { code: 'passkey.rejected' } })
    expect(await show(registration, registration.authenticator.register(asked))).toMatchObject({ status: 401, body: { code: 'passkey.rejected' } })
    const fresh = (await options(registration)).body.options
    expect(await show(registration, registration.authenticator.register(fresh))).toMatchObject({ status: 200 })
  })

  test('of the wrong shape uses up nothing', async () => {
    const registration = await begun(bench, signer())
    expect(await show(registration, { id: 'x' })).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await show(registration, registration.authenticator.register(registration.answer.body.options), { credential_name: '' })).toMatchObject({
      status: 422,
    })
    expect(await show(registration, registration.authenticator.register(registration.answer.body.options))).toMatchObject({ status: 200 })
  })

  test('whose answer comes after five minutes is too late', async () => {
    const registration = await begun(bench, signer())
    clock.advance(FIVE_MINUTES_MS)
    expect(await show(registration, registration.authenticator.register(registration.answer.body.options))).toMatchObject({
      status: 401,
      body: { code: 'passkey.rejected' },
    })
  })

  test('of a person is not taken for another', async () => {
    const authenticator = new SoftwareAuthenticator({ origin: ORIGIN })
    await signedUp(bench, { ...signer(), authenticator })
    const [known] = authenticator.passkeys
    const registration = await begun(bench, signer())
    const credential = registration.authenticator.register(registration.answer.body.options, { credentialId: known?.id.toString('base64url') ?? '' })
    expect(await show(registration, credential)).toMatchObject({ status: 409, body: { code: 'signup.credential_taken' } })
  })

  test('ID-INV-7: sent fifty times at once is taken exactly once', async () => {
    const registration = await begun(bench, signer())
    const credential = registration.authenticator.register(registration.answer.body.options)
    const answers = await Promise.all(Array.from({ length: 50 }, () => show(registration, credential)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status !== 200).every(({ body }) => ['passkey.rejected', 'signup.state'].includes(body.code))).toBe(true)
  })
})

describe('fresh options', () => {
  test('void the challenge before them', async () => {
    const registration = await begun(bench, signer())
    const fresh = await options(registration)
    expect(fresh.body.options.challenge).not.toBe(registration.answer.body.options.challenge)
    expect(await show(registration, registration.authenticator.register(registration.answer.body.options))).toMatchObject({ status: 401 })
  })

  test('are given five times; those of the beginning do not count', async () => {
    const registration = await begun(bench, signer())
    for (let count = 0; count < 5; count++) expect(await options(registration)).toMatchObject({ status: 200 })
    expect(await options(registration)).toMatchObject({ status: 429, body: { code: 'signup.too_many_attempts' } })
  })

  test('are of no use once the passkey is shown', async () => {
    expect(await options(await withFactors(bench, signer()))).toMatchObject({ status: 409, body: { code: 'signup.state', state: 'passkey_verified' } })
  })
})

describe('new factors', () => {
  test('void the old ones, three times', async () => {
    const registration = await withFactors(bench, signer())
    for (let count = 0; count < 3; count++) {
      const { status, body } = await renew(registration)
      expect(status).toBe(200)
      expect(body.totp.secret).not.toBe(registration.totpSecret)
      expect(body.recovery_codes).not.toEqual(registration.recoveryCodes)
    }
    expect(await renew(registration)).toMatchObject({ status: 429, body: { code: 'signup.too_many_attempts' } })
  })

  test('are not given before the passkey', async () => {
    expect(await renew(await begun(bench, signer()))).toMatchObject({ status: 409, body: { code: 'signup.state', state: 'begun' } })
  })
})

const CALLS = ['/auth/signup/passkey/options', '/auth/signup/totp/renew'] as const

describe.each(CALLS)('%s', (url) => {
  test('knows nobody without the secret, nor by a wrong one', async () => {
    const registration = await begun(bench, signer())
    const unknown = { code: 'signup.not_found' }
    expect(await post(url, { id: registration.id, headers: {} })).toMatchObject({ status: 404, body: unknown })
    expect(await post(url, { id: registration.id, headers: { 'x-client-authorization': `Signup ${'A'.repeat(43)}` } })).toMatchObject({
      status: 404,
      body: unknown,
    })
    expect(await post(url, { ...registration, id: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44' })).toMatchObject({ status: 404, body: unknown })
  })

  test('takes nothing but the registration', async () => {
    const registration = await begun(bench, signer())
    expect(await post(url, registration, { more: 1 })).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await post(url, { ...registration, id: 'x' })).toMatchObject({ status: 422 })
  })

  test('is over after half an hour', async () => {
    const registration = await begun(bench, signer())
    clock.advance(HALF_AN_HOUR_MS)
    expect(await post(url, registration)).toMatchObject({ status: 410, body: { code: 'signup.registration_expired' } })
    expect(await show(registration, registration.authenticator.register(registration.answer.body.options))).toMatchObject({ status: 410 })
  })
})

async function rowText(id: string): Promise<string> {
  const { text } = await one(bench.db, z.object({ text: z.string() }), sql`select r::text as text from identity.pending_registrations r where id = ${id}`)
  return text
}
