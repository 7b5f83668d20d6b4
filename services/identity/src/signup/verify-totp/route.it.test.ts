import { newId, tokenHash } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../../identity-bench.ts'
import { begun, codeOf, signedUp, verified, type WithFactors, withFactors } from '../../signing-up.ts'
import { sweepRegistrations } from '../ending.ts'

const clock = fakeClock()
const DEADLINE_MS = 31_000
const TEN_MINUTES_MS = 600_000
const A_DAY_MS = 86_400_000
const HALF_AN_HOUR_MS = 1_800_000
const QUARTER_OF_AN_HOUR_MS = 900_000
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(() => bench.steps.clear())

let next = 0
const signer = () => ({ email: `t${++next}@example.org` })
const wrongCodeFor = ({ totpSecret }: WithFactors) => codeOf(totpSecret, clock.now(), 40)
const count = async (what: ReturnType<typeof sql>) => (await one(bench.db, z.object({ n: z.int() }), sql`select count(*)::integer as n from ${what}`)).n

describe('a right code', () => {
  test('makes a person and a session, by cookie where nothing else is asked', async () => {
    const ready = await withFactors(bench, signer())
    const answer = await bench.ask('POST', '/auth/signup/totp-verify', {
      body: { registration_id: ready.id, code: codeOf(ready.totpSecret, clock.now()) },
      headers: ready.headers,
    })
    expect(answer.status).toBe(200)
    expect(answer.body.session).not.toHaveProperty('token')
    expect(answer.body.personal_engagement_id).toBe(answer.body.person.personal_engagement_id)
    const [session, signup] = answer.cookies
    expect(session).toMatch(/^lw=lws_[A-Za-z0-9_-]{43}_[0-9a-f]{6}; Path=\/; Max-Age=1209600; HttpOnly; SameSite=Lax$/)
    expect(signup).toMatch(/^signup=; .*Max-Age=0/)
  })

  test('gives the token in the body to who keeps it themselves', async () => {
    const { answer } = await signedUp(bench, signer())
    expect(answer.body.session.token).toMatch(/^lws_/)
    expect(Date.parse(answer.body.session.expires_at) - clock.now()).toBe(14 * A_DAY_MS)
    expect(Date.parse(answer.body.session.idle_expires_at) - clock.now()).toBe(A_DAY_MS / 2)
  })

  test('ID-INV-7: sent fifty times at once begins one saga; every call ends with the same person', async () => {
    const ready = await withFactors(bench, signer())
    const answers = await Promise.all(Array.from({ length: 50 }, () => verified(bench, ready)))
    expect(new Set(answers.map(({ body }) => body.person?.id)).size).toBe(1)
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(
      await count(sql`identity.pending_registrations r join identity.saga_open o on o.saga_id = r.saga_id where r.id = ${ready.id} and r.attempt = 1`),
    ).toBe(1)
    expect(await count(sql`identity.sessions s where s.person_id = ${answers[0]?.body.person.id} and s.revoked_at is null`)).toBe(1)
  })
})

describe('a wrong code', () => {
  test('is counted down; after the fifth the registration is over', async () => {
    const ready = await withFactors(bench, signer())
    for (const attempts_left of [4, 3, 2, 1, 0])
      expect(await verified(bench, ready, { code: wrongCodeFor(ready) })).toMatchObject({ status: 401, body: { code: 'totp.invalid', attempts_left } })
    expect(await verified(bench, ready)).toMatchObject({ status: 410, body: { code: 'signup.registration_expired' } })
  })

  test('of a wrong shape is not counted', async () => {
    const ready = await withFactors(bench, signer())
    for (const code of ['12345', '1234567', '12345a', '']) expect(await verified(bench, ready, { code })).toMatchObject({ status: 422 })
    expect(await verified(bench, ready, { code: wrongCodeFor(ready) })).toMatchObject({ body: { attempts_left: 4 } })
  })

  test('fifty at once: five are counted, no more', async () => {
    const ready = await withFactors(bench, signer())
    const answers = await Promise.all(Array.from({ length: 50 }, () => verified(bench, ready, { code: wrongCodeFor(ready) })))
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 410)).toHaveLength(45)
  })
})

describe('it is not the time', () => {
  test('before the passkey was shown', async () => {
    const early = { ...(await begun(bench, signer())), totpSecret: 'A'.repeat(32), recoveryCodes: [] }
    expect(await verified(bench, early)).toMatchObject({ status: 409, body: { code: 'signup.state', state: 'begun' } })
  })

  test('half an hour later', async () => {
    const ready = await withFactors(bench, signer())
    clock.advance(HALF_AN_HOUR_MS)
    expect(await verified(bench, ready)).toMatchObject({ status: 410, body: { code: 'signup.registration_expired' } })
  })

  test('nor anybody else’s registration', async () => {
    const ready = await withFactors(bench, signer())
    expect(await verified(bench, { ...ready, headers: {} })).toMatchObject({ status: 404, body: { code: 'signup.not_found' } })
  })
})

describe('the answer that was lost', () => {
  test('is given again for ten minutes, with a new session in place of the former', async () => {
    const first = await signedUp(bench, signer())
    clock.advance(TEN_MINUTES_MS - 1000)
    const again = await verified(bench, first, { code: '000000' })
    expect(again).toMatchObject({ status: 200, body: { person: { id: first.personId } } })
    expect((await bench.introspect(first.session)).body).toEqual({ active: false, code: 'token_refused' })
    expect((await bench.introspect(again.body.session.token)).body).toMatchObject({ active: true })
  })

  test('is not given to who was locked or is leaving: no session waits for them', async () => {
    const first = await signedUp(bench, signer())
    const live = sql`select id from identity.sessions where person_id = ${first.personId} and revoked_at is null`
    const before = await many(bench.db, z.unknown(), live)
    const turns = (state: string) => exec(bench.db, sql`update identity.persons set state = ${state} where id = ${first.personId}`)
    await turns('locked')
    expect(await verified(bench, first)).toMatchObject({ status: 403, body: { code: 'account_locked' } })
    await turns('erasing')
    expect(await verified(bench, first)).toMatchObject({ status: 410, body: { code: 'signup.done_log_in' } })
    expect(await many(bench.db, z.unknown(), live)).toEqual(before)
  })

  test('is not given later: one logs in', async () => {
    const first = await signedUp(bench, signer())
    clock.advance(TEN_MINUTES_MS)
    expect(await verified(bench, first)).toMatchObject({ status: 410, body: { code: 'signup.done_log_in' } })
  })

  test('is forgotten after a day', async () => {
    const first = await signedUp(bench, signer())
    clock.advance(A_DAY_MS)
    expect(await verified(bench, first)).toMatchObject({ status: 404, body: { code: 'signup.not_found' } })
  })
})

describe('while a step takes long', () => {
  test('the caller is sent to the status after two seconds, may attach, and another claim token has to wait', { timeout: 20_000 }, async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    bench.steps.set('reserve/do', async ({ sagaId }) => {
      await promise
      return { outcome: 'done', data: { grantId: sagaId, assetId: 'loomworks_credit_sonnet', amount: '1', grantKind: 'operator_curated' } }
    })
    const ready = await withFactors(bench, signer())
    const waiting = await verified(bench, ready, { claim_token: 'one' })
    const status_url = `/auth/signup/${ready.id}`
    expect(waiting).toMatchObject({ status: 202, body: { registration_id: ready.id, status_url, events_url: `${status_url}/events`, state: 'pending' } })
    expect(waiting.headers).toMatchObject({ location: status_url, 'retry-after': '1' })
    expect(await verified(bench, ready, { claim_token: 'two' })).toMatchObject({ status: 409, body: { code: 'signup.in_progress' } })
    const attached = verified(bench, ready, { claim_token: 'one', code: '000000' })
    resolve()
    expect(await attached).toMatchObject({ status: 200 })
  })
})

describe('what was undone', () => {
  const FAILURES = [
    ['claim.token_unknown', 404],
    ['claim.already_claimed', 409],
    ['claim.in_progress', 409],
    ['claim.expired', 410],
    ['claim.revoked', 410],
    ['claim.email_mismatch', 403],
  ] as const

  test.each(FAILURES)('is told as %s, %i, and the next attempt needs no new code', async (code, status) => {
    bench.steps.set('reserve/do', () => ({ outcome: 'failed', code }))
    const ready = await withFactors(bench, signer())
    expect(await verified(bench, ready, { claim_token: 'a token' })).toMatchObject({ status, body: { code } })
    expect(await verified(bench, ready, { code: '000000' })).toMatchObject({ status: 200 })
  })

  test('may be tried five times', async () => {
    bench.steps.set('reserve/do', () => ({ outcome: 'failed', code: 'claim.expired' }))
    const ready = await withFactors(bench, signer())
    for (let attempt = 1; attempt <= 5; attempt++) expect(await verified(bench, ready, { claim_token: 'a token' })).toMatchObject({ status: 410 })
    expect(await verified(bench, ready)).toMatchObject({ status: 429, body: { code: 'signup.too_many_attempts' } })
  })

  test('by a bug of a step is told as such', async () => {
    bench.steps.set('induct/do', () => ({ outcome: 'error', code: 'saga.step_error' }))
    const ready = await withFactors(bench, signer())
    expect(await verified(bench, ready)).toMatchObject({ status: 500, body: { code: 'saga.step_error' } })
  })

  test('because it took longer than thirty seconds is told so, and leaves the way free', { timeout: 20_000 }, async () => {
    const { promise, resolve } = Promise.withResolvers<{ outcome: 'refused' }>()
    bench.steps.set('induct/do', () => promise)
    const ready = await withFactors(bench, signer())
    const outcome = verified(bench, ready)
    await expect.poll(async () => (await bench.ask('GET', `/auth/signup/${ready.id}`)).body.phase).toBe('preparing')
    clock.advance(DEADLINE_MS)
    const told = await outcome
    expect(told).toMatchObject({ status: 503, body: { code: 'signup.timed_out' }, headers: { 'retry-after': '1' } })
    resolve({ outcome: 'refused' })
    bench.steps.clear()
    expect(await verified(bench, ready)).toMatchObject({ status: 200 })
  })

  test('after ten unknown tokens of a network every token is refused for a quarter of an hour, a good one too', async () => {
    clock.advance(QUARTER_OF_AN_HOUR_MS)
    bench.steps.set('reserve/do', ({ data }) =>
      data.tokenHash === tokenHash('good') ? { outcome: 'failed', code: 'claim.expired' } : { outcome: 'failed', code: 'claim.token_unknown' },
    )
    for (let round = 0; round < 2; round++) {
      const ready = await withFactors(bench, signer())
      for (let attempt = 1; attempt <= 5; attempt++) expect(await verified(bench, ready, { claim_token: `bad${attempt}` })).toMatchObject({ status: 404 })
    }
    const ready = await withFactors(bench, signer())
    const refused = await verified(bench, ready, { claim_token: 'good' })
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    clock.advance(QUARTER_OF_AN_HOUR_MS)
    expect(await verified(bench, ready, { claim_token: 'good' })).toMatchObject({ status: 410, body: { code: 'claim.expired' } })
  })
})

describe('a registration that is over', () => {
  /** Every column in which something stands. */
  const kept = async (id: string) =>
    (
      await one(
        bench.db,
        z.object({ names: z.array(z.string()) }),
        sql`select array(select key from jsonb_each(jsonb_strip_nulls(to_jsonb(r))) order by key)::text[] as names
              from identity.pending_registrations r
             where id = ${id} and state = 'expired'`,
      )
    ).names
  const OF_THE_PROOFS = ['options_used', 'recovery_key_id', 'renewals', 'set_id', 'totp_key_id', 'wrong_codes']
  const OF_ITSELF = ['attempt', 'created_at', 'email_proof', 'expires_at', 'id', 'secret_hash', 'state', 'updated_at']

  test('by time keeps nothing of the person, of the token they tried and of where they came from', async () => {
    bench.steps.set('reserve/do', () => ({ outcome: 'failed', code: 'claim.expired' }))
    const ready = await withFactors(bench, signer())
    expect(await verified(bench, ready, { claim_token: 'a token' })).toMatchObject({ status: 410 })
    clock.advance(HALF_AN_HOUR_MS)
    await sweepRegistrations(bench.db, clock.now())
    expect(await kept(ready.id)).toEqual([...OF_ITSELF, ...OF_THE_PROOFS, 'saga_id', 'submitted_at'].toSorted())
  })

  test('by the fifth wrong code keeps no more', async () => {
    const ready = await withFactors(bench, signer())
    for (let n = 0; n < 5; n++) await verified(bench, ready, { code: wrongCodeFor(ready) })
    expect(await kept(ready.id)).toEqual([...OF_ITSELF, ...OF_THE_PROOFS].toSorted())
  })
})

describe('the address of a person', () => {
  test('is told to be taken after both proofs, and the registration stays', async () => {
    const { email } = signer()
    await signedUp(bench, { email })
    const ready = await withFactors(bench, { email: email.toUpperCase() })
    expect(await verified(bench, ready)).toMatchObject({ status: 409, body: { code: 'signup.email_taken' } })
  })

  test('is told so five times an hour', async () => {
    const { email } = signer()
    await signedUp(bench, { email })
    const ready = await withFactors(bench, { email })
    for (let attempt = 1; attempt <= 5; attempt++) expect(await verified(bench, ready)).toMatchObject({ status: 409, body: { code: 'signup.email_taken' } })
    const other = await withFactors(bench, { email })
    expect(await verified(bench, other)).toMatchObject({ status: 429, body: { code: 'signup.too_many_attempts' } })
    expect((await bench.ask('GET', `/auth/signup/${other.id}`)).body).toMatchObject({ state: 'failed', code: 'signup.too_many_attempts', http_status: 429 })
  })
})

test('ID-INV-3: the same passkey in two registrations at once belongs to one of them', async () => {
  const first = await begun(bench, signer())
  const credentialId = Buffer.alloc(32, 7).toString('base64url')
  const second = await begun(bench, signer())
  const factorsOf = async (each: typeof first) => {
    const credential = each.authenticator.register(each.answer.body.options, { credentialId })
    const { body } = await bench.ask('POST', '/auth/signup/passkey', { body: { registration_id: each.id, credential }, headers: each.headers })
    return { ...each, totpSecret: body.totp.secret as string, recoveryCodes: [] }
  }
  const both = [await factorsOf(first), await factorsOf(second)]
  const answers = await Promise.all(both.map((each) => verified(bench, each)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
  expect(answers.find(({ status }) => status === 409)).toMatchObject({ body: { code: 'signup.credential_taken' } })
})

test('where too much is under way nothing begins, and the registration stays usable', async () => {
  await using full = await identityBench({ adminUrl: inject('adminUrl'), clock, environment: { SAGA_OPEN_MAX: '1' } })
  const { promise, resolve } = Promise.withResolvers<void>()
  full.steps.set('induct/do', async ({ data, sagaId }) => {
    await promise
    return { outcome: 'done', data: { engagementId: data.engagementId ?? '', seed: sagaId, cycle: sagaId, position: '1' } }
  })
  const [one, two] = [await withFactors(full, signer()), await withFactors(full, signer())]
  const first = verified(full, one)
  await expect
    .poll(async () => (await full.ask('POST', '/auth/signup/begin', { body: { email: 'x@example.org', display_name: 'X' } })).body.code)
    .toBe('signup.busy')
  const refused = await verified(full, two)
  expect(refused).toMatchObject({ status: 503, body: { code: 'signup.busy' } })
  const wanted = { grantId: newId(), email: 'y@example.org', displayName: 'Y' }
  expect(await full.internal('credit', 'POST', '/internal/registrations', wanted)).toMatchObject({ status: 503, body: { code: 'signup.busy' } })
  expect(refused.headers['retry-after']).toBeDefined()
  resolve()
  expect(await first).toMatchObject({ status: 200 })
  await expect.poll(async () => (await verified(full, two)).status).toBe(200)
})
