// What anybody may see of a registration: asked once, and followed.
import { fakeClock } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from '../../identity-bench.ts'
import { begun, signedUp, verified, withFactors } from '../../signing-up.ts'

const clock = fakeClock()
const HALF_AN_HOUR_MS = 1_800_000
const TEN_MINUTES_MS = 600_000
const A_DAY_MS = 86_400_000
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(() => bench.steps.clear())

let next = 0
const signer = () => ({ email: `w${++next}@example.org`, displayName: 'Secret Name' })
const show = (id: string) => bench.ask('GET', `/auth/signup/${id}`)

interface Told {
  readonly id: number
  readonly data: Record<string, unknown>
}

async function followed(id: string, lastEventId?: number): Promise<readonly Told[]> {
  const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }
  const { body } = await bench.ask('GET', `/auth/signup/${id}/events`, { headers })
  const blocks = String(body)
    .split('\n\n')
    .filter((block) => block.startsWith('id:'))
  return blocks.map((block) => ({ id: Number(/^id: (.*)$/m.exec(block)?.[1]), data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '{}') }))
}

describe('the status', () => {
  test('says what comes next, and nothing of the person', async () => {
    const registration = await begun(bench, signer())
    const { status, body } = await show(registration.id)
    expect(status).toBe(200)
    expect(body).toEqual({
      registration_id: registration.id,
      state: 'pending',
      next: { method: 'POST', href: '/auth/signup/passkey' },
      started_at: expect.any(String),
      updated_at: expect.any(String),
    })
  })

  test('after the passkey asks for the code', async () => {
    const { id } = await withFactors(bench, signer())
    expect((await show(id)).body).toMatchObject({ state: 'pending', next: { href: '/auth/signup/totp-verify' } })
  })

  test('shows the phase while the saga runs', { timeout: 20_000 }, async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    bench.steps.set('induct/do', async ({ data, sagaId }) => {
      await promise
      return { outcome: 'done', data: { engagementId: data.engagementId ?? '', seed: sagaId, cycle: sagaId, position: '1' } }
    })
    const ready = await withFactors(bench, signer())
    const outcome = verified(bench, ready)
    await expect.poll(async () => (await show(ready.id)).body).toMatchObject({ state: 'pending', phase: 'preparing' })
    resolve()
    expect((await outcome).status).toBe(200)
  })

  test('shows that it is complete, for a day', async () => {
    const { id } = await signedUp(bench, signer())
    expect((await show(id)).body).toMatchObject({ state: 'completed', next: { href: '/auth/signup/totp-verify' } })
    clock.advance(TEN_MINUTES_MS)
    expect((await show(id)).body).toMatchObject({ state: 'completed', next: { href: '/auth/login/passkey/begin' } })
    clock.advance(A_DAY_MS)
    expect(await show(id)).toMatchObject({ status: 404, body: { code: 'signup.not_found' } })
  })

  test('shows why it failed and how to go on', async () => {
    bench.steps.set('reserve/do', () => ({ outcome: 'failed', code: 'claim.revoked' }))
    const ready = await withFactors(bench, signer())
    await verified(bench, ready, { claim_token: 'a token' })
    expect((await show(ready.id)).body).toMatchObject({ state: 'failed', code: 'claim.revoked', http_status: 410, next: { href: '/auth/signup/totp-verify' } })
  })

  test('shows that it has expired', async () => {
    const { id } = await begun(bench, signer())
    clock.advance(HALF_AN_HOUR_MS)
    expect((await show(id)).body).toMatchObject({ state: 'failed', code: 'signup.registration_expired', http_status: 410 })
  })

  test('knows no other id', async () => {
    expect(await show('01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44')).toMatchObject({ status: 404, body: { code: 'signup.not_found' } })
    expect(await show('nonsense')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })
})

describe('the events', () => {
  test('wait for the saga, tell each phase once in order, and end with it', async () => {
    const ready = await withFactors(bench, signer())
    const following = followed(ready.id)
    await verified(bench, ready)
    const told = await following
    expect(told.at(-1)?.data).toMatchObject({ registration_id: ready.id, state: 'completed' })
    expect(told.map(({ id }) => id)).toEqual(told.map(({ id }) => id).toSorted((a, b) => a - b))
    expect(told.every(({ id }) => id >= 10_000 && id < 20_000)).toBe(true)
    expect(JSON.stringify(told)).not.toContain('Secret Name')
  })

  test('resumed at the end repeat the last one and close', async () => {
    const ready = await withFactors(bench, signer())
    await verified(bench, ready)
    const [last] = await followed(ready.id)
    expect(last?.data).toMatchObject({ state: 'completed' })
    expect(await followed(ready.id, last?.id)).toEqual([last])
  })

  test('of a second attempt have ids after those of the first', async () => {
    bench.steps.set('reserve/do', () => ({ outcome: 'failed', code: 'claim.revoked' }))
    const ready = await withFactors(bench, signer())
    await verified(bench, ready, { claim_token: 'a token' })
    const [first] = (await followed(ready.id)).slice(-1)
    expect(first?.data).toMatchObject({ state: 'failed', code: 'claim.revoked' })
    await verified(bench, ready)
    const [second] = (await followed(ready.id)).slice(-1)
    expect(second?.data).toMatchObject({ state: 'completed' })
    expect(second?.id).toBeGreaterThanOrEqual(20_000)
  })

  test('of an expired registration say so and close', async () => {
    const { id } = await begun(bench, signer())
    clock.advance(HALF_AN_HOUR_MS)
    expect((await followed(id)).map(({ data }) => data)).toMatchObject([{ state: 'failed', code: 'signup.registration_expired' }])
  })

  test('are not there for an unknown id', async () => {
    expect(await bench.ask('GET', '/auth/signup/01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44/events')).toMatchObject({
      status: 404,
      body: { code: 'signup.not_found' },
    })
  })
})
