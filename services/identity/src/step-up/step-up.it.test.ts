import { one, sql } from '@loomworks/sql'
import { fakeClock, type Lies } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { codeOf, type SignedUp, signedUp } from '../signing-up.ts'

const FIVE_MINUTES_MS = 300_000
const STEP_MS = 30_000
const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = () => signedUp(bench, { email: `u${++next}@example.org` })
const begin = ({ session }: SignedUp, level = 'passkey') => bench.ask('POST', '/auth/step-up/begin', { session, body: { level } })
const finish = ({ session }: Pick<SignedUp, 'session'>, body: object) => bench.ask('POST', '/auth/step-up/finish', { session, body })

async function byPasskey(ada: SignedUp, lies: Lies = {}) {
  const { body } = await begin(ada)
  return finish(ada, { challenge_id: body.challenge_id, credential: ada.authenticator.authenticate(body.options, lies) })
}
/** A code of the next step: the one of the signup is used up. */
const byCode = (ada: SignedUp, stepsLater = 1) => finish(ada, { totp_code: codeOf(ada.totpSecret, clock.now(), stepsLater) })
const wrongCode = (ada: SignedUp) => codeOf(ada.totpSecret, clock.now(), 40)

async function stepUpOf(token: string) {
  const { body } = await bench.introspect(token)
  return JSON.parse(Buffer.from(body.token.split('.')[1] ?? '', 'base64url').toString())
}

const throttlesTold = async (personId: string) => (await bench.told('SignInThrottled', personId)).map(({ data }) => data)

describe('a fresh proof', () => {
  test('asks for the person’s own passkeys, and says what is accepted', async () => {
    const ada = await person()
    const { status, body } = await begin(ada)
    expect(status).toBe(200)
    expect(body.options.allowCredentials).toEqual([
      { id: ada.authenticator.passkeys[0]?.id.toString('base64url'), transports: ['internal'], type: 'public-key' },
    ])
    expect(body.accepts).toEqual(['passkey'])
    expect((await begin(ada, 'any')).body.accepts).toEqual(['passkey', 'totp'])
    expect(await begin(ada, 'none')).toMatchObject({ status: 422 })
    expect(await bench.ask('POST', '/auth/step-up/begin', { body: { level: 'any' } })).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  test('by passkey gives the same session under a new token, proven now', async () => {
    const ada = await person()
    clock.advance(FIVE_MINUTES_MS)
    const { status, body } = await byPasskey(ada)
    expect(status).toBe(200)
    expect(body.session).toMatchObject({ id: ada.answer.body.session.id, expires_at: ada.answer.body.session.expires_at })
    expect(body.session.token).not.toBe(ada.session)
    expect(await stepUpOf(body.session.token)).toMatchObject({ step_up: { at: Math.floor(clock.now() / 1000), level: 'passkey' } })
  })

  test('by code counts for less than a passkey', async () => {
    const ada = await person()
    clock.advance(FIVE_MINUTES_MS)
    const { status, body } = await byCode(ada)
    expect(status).toBe(200)
    expect(await stepUpOf(body.session.token)).toMatchObject({ step_up: { level: 'any' }, amr: ['passkey', 'totp'] })
  })

  test('goes by cookie where the session does', async () => {
    const ada = await person()
    await bench.db.query(sql`update identity.sessions set delivery = 'cookie' where person_id = ${ada.personId}`)
    const answer = await byPasskey(ada)
    expect(answer.body.session).not.toHaveProperty('token')
    expect(answer.cookies[0]).toMatch(/^lw=lws_/)
  })
})

describe('a passkey is refused', () => {
  test.each<readonly [string, Lies]>([
    ['with a wrong signature', { badSignature: true }],
    ['from another origin', { origin: 'https://evil.example' }],
    ['with nobody verified', { userVerified: false }],
    ['that nobody has', { credentialId: Buffer.alloc(32, 9).toString('base64url') }],
    ['of another owner', { userHandle: Buffer.alloc(32, 9).toString('base64url') }],
    ['of another backup eligibility', { backupEligible: true }],
  ])('%s', async (_what, lies) => {
    expect(await byPasskey(await person(), lies)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })

  test('of another person', async () => {
    const [ada, eve] = [await person(), await person()]
    const { body } = await begin(ada)
    const credential = eve.authenticator.authenticate(body.options)
    expect(await finish(ada, { challenge_id: body.challenge_id, credential })).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })

  test('for a challenge of another session, and for one that was used', async () => {
    const [ada, eve] = [await person(), await person()]
    const { body } = await begin(ada)
    const answer = { challenge_id: body.challenge_id, credential: ada.authenticator.authenticate(body.options) }
    expect(await finish(eve, answer)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    expect(await finish(ada, answer)).toMatchObject({ status: 200 })
    expect(await finish(ada, answer)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })

  test('whose counter does not move on: it is set aside', async () => {
    const ada = await person()
    await byPasskey(ada, { counter: 5 })
    expect(await byPasskey(ada, { counter: 5 })).toMatchObject({ status: 403, body: { code: 'credential.clone_suspected' } })
    expect(await byPasskey(ada, { counter: 9 })).toMatchObject({ status: 403, body: { code: 'credential.clone_suspected' } })
    const { state } = await one(
      bench.db,
      z.object({ state: z.string() }),
      sql`select state from identity.webauthn_credentials where person_id = ${ada.personId}`,
    )
    expect(state).toBe('suspect')
  })

  test('and who goes on so has to wait, which is told', async () => {
    const ada = await person()
    for (let count = 0; count < 5; count++) expect(await byPasskey(ada, { badSignature: true })).toMatchObject({ status: 401 })
    const refused = await byPasskey(ada)
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(refused.headers['retry-after']).toBe('30')
    expect(await throttlesTold(ada.personId)).toMatchObject([{ personId: ada.personId, kind: 'step_up' }])
    clock.advance(STEP_MS)
    expect(await byPasskey(ada)).toMatchObject({ status: 200 })
  })
})

test('an own challenge that is too old is told so', async () => {
  const ada = await person()
  const { body } = await begin(ada)
  clock.advance(FIVE_MINUTES_MS)
  const answer = { challenge_id: body.challenge_id, credential: ada.authenticator.authenticate(body.options) }
  expect(await finish(ada, answer)).toMatchObject({ status: 401, body: { code: 'login.challenge_expired' } })
})

describe('a code', () => {
  test('that is wrong says how many are left; a right one forgets them', async () => {
    const ada = await person()
    expect(await finish(ada, { totp_code: wrongCode(ada) })).toMatchObject({ status: 401, body: { code: 'totp.invalid', attempts_left: 4 } })
    expect(await finish(ada, { totp_code: wrongCode(ada) })).toMatchObject({ body: { attempts_left: 3 } })
    expect(await byCode(ada)).toMatchObject({ status: 200 })
    expect(await finish(ada, { totp_code: wrongCode(ada) })).toMatchObject({ body: { attempts_left: 4 } })
  })

  test('of another shape is no code and is not counted', async () => {
    const ada = await person()
    for (const totp_code of ['12345', '1234567', 'abcdef', '', 123456]) expect(await finish(ada, { totp_code })).toMatchObject({ status: 422 })
    expect(await finish(ada, { totp_code: wrongCode(ada) })).toMatchObject({ body: { attempts_left: 4 } })
  })

  test('works once, the one of the signup included', async () => {
    const ada = await person()
    expect(await byCode(ada, 0)).toMatchObject({ status: 401, body: { code: 'totp.invalid' } })
    expect(await byCode(ada, 1)).toMatchObject({ status: 200 })
    expect(await byCode(ada, 1)).toMatchObject({ status: 401, body: { code: 'totp.invalid' } })
  })

  test('after five wrong ones waits 30 s, 60 s … 15 min, and never for ever', async () => {
    const ada = await person()
    for (let count = 0; count < 5; count++) expect(await finish(ada, { totp_code: wrongCode(ada) })).toMatchObject({ status: 401 })
    for (const wait of [30, 60, 120, 240, 480, 900, 900]) {
      const refused = await byCode(ada)
      expect(refused).toMatchObject({ status: 429, body: { code: 'totp.throttled' } })
      expect(refused.headers['retry-after']).toBe(String(wait))
      clock.advance(wait * 1000 - 1)
      expect(await byCode(ada)).toMatchObject({ status: 429 })
      clock.advance(1)
      expect(await finish(ada, { totp_code: wrongCode(ada) })).toMatchObject({ status: 401, body: { attempts_left: 0 } })
    }
    clock.advance(900_000)
    expect(await byCode(ada)).toMatchObject({ status: 200 })
    expect(await throttlesTold(ada.personId)).toHaveLength(8)
  })

  test('is counted once for all instances, and still after a restart', async () => {
    const ada = await person()
    {
      await using second = await bench.another()
      for (const at of [bench, second, bench, second, bench])
        expect(await at.ask('POST', '/auth/step-up/finish', { session: ada.session, body: { totp_code: wrongCode(ada) } })).toMatchObject({ status: 401 })
    }
    await using third = await bench.another()
    const right = { totp_code: codeOf(ada.totpSecret, clock.now(), 1) }
    for (const at of [third, bench])
      expect(await at.ask('POST', '/auth/step-up/finish', { session: ada.session, body: right })).toMatchObject({
        status: 429,
        body: { code: 'totp.throttled' },
      })
  })

  test('five wrong ones a long time apart are not five', async () => {
    const ada = await person()
    for (let count = 0; count < 6; count++) {
      expect(await finish(ada, { totp_code: wrongCode(ada) })).toMatchObject({ status: 401, body: { attempts_left: 4 } })
      clock.advance(900_000)
    }
  })
})
