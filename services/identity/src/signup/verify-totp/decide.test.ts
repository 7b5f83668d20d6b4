import type { Id, SagaId } from '@loomworks/kernel'
import { timeOf } from '@loomworks/kernel'
import { describe, expect, test } from 'vitest'
import { NOW_MS, registration } from '../registrations.ts'
import { type VerifyTotp, verifyTotp } from './decide.ts'

const SAGA = '5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27' as SagaId
const REGISTRATION = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44' as Id<'registration'>
const HASH = 'A'.repeat(43)
const OTHER = 'B'.repeat(43)
const TEN_MINUTES_MS = 600_000

const call = (change: Partial<VerifyTotp> = {}): VerifyTotp => ({ codeStep: 7, claimHash: undefined, nowMs: NOW_MS, ...change })
const refusalOf = (run: () => unknown): string => {
  try {
    return `none: ${JSON.stringify(run())}`
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('with the passkey shown', () => {
  const waiting = registration({ state: 'passkey_verified' })

  test('a right code begins the first attempt and is spent', () => {
    expect(verifyTotp(call(), waiting)).toEqual({ next: 'start', attempt: 1, codeStep: 7 })
  })

  test('a wrong code is counted', () => {
    expect(verifyTotp(call({ codeStep: undefined }), waiting)).toEqual({ next: 'count_wrong_code', attemptsLeft: 4 })
  })

  test('the fifth wrong code leaves none', () => {
    expect(verifyTotp(call({ codeStep: undefined }), { ...waiting, wrong_codes: 4 })).toEqual({ next: 'count_wrong_code', attemptsLeft: 0 })
  })
})

test('without the passkey there is nothing to verify', () => {
  expect(refusalOf(() => verifyTotp(call(), registration()))).toBe('signup.state')
})

test('after its half hour it is over', () => {
  const late = registration({ state: 'passkey_verified', expires_at: timeOf(NOW_MS) })
  expect(refusalOf(() => verifyTotp(call(), late))).toBe('signup.registration_expired')
})

describe('after an undo', () => {
  const undone = registration({ state: 'proven', attempt: 1, saga_id: SAGA })

  test('the next attempt needs no new code', () => {
    expect(verifyTotp(call({ codeStep: undefined }), undone)).toEqual({ next: 'start', attempt: 2 })
  })

  test('the fifth attempt is the last', () => {
    expect(verifyTotp(call(), { ...undone, attempt: 4 })).toEqual({ next: 'start', attempt: 5 })
    expect(refusalOf(() => verifyTotp(call(), { ...undone, attempt: 5 }))).toBe('signup.too_many_attempts')
  })
})

describe('while the saga is under way', () => {
  const submitted = registration({ state: 'submitted', attempt: 1, saga_id: SAGA, saga_input: { registrationId: REGISTRATION, attempt: 1, tokenHash: HASH } })

  test('the same call attaches to it, with the token or without', () => {
    expect(verifyTotp(call({ codeStep: undefined, claimHash: HASH }), submitted)).toEqual({ next: 'attach', sagaId: SAGA })
    expect(verifyTotp(call({ codeStep: undefined }), submitted)).toEqual({ next: 'attach', sagaId: SAGA })
  })

  test('another claim token has to wait for its end', () => {
    expect(refusalOf(() => verifyTotp(call({ claimHash: OTHER }), submitted))).toBe('signup.in_progress')
  })

  test('its half hour does not end it', () => {
    expect(verifyTotp(call(), { ...submitted, expires_at: timeOf(NOW_MS - 1) })).toEqual({ next: 'attach', sagaId: SAGA })
  })
})

describe('after completion', () => {
  const done = registration({ state: 'completed', attempt: 1, saga_id: SAGA, completed_at: timeOf(NOW_MS) })

  test('the session is given anew for ten minutes, whatever claim token comes along', () => {
    expect(verifyTotp(call({ claimHash: OTHER, nowMs: NOW_MS + TEN_MINUTES_MS - 1 }), done)).toEqual({ next: 'session_again' })
  })

  test('then one logs in', () => {
    expect(refusalOf(() => verifyTotp(call({ nowMs: NOW_MS + TEN_MINUTES_MS }), done))).toBe('signup.done_log_in')
  })
})
