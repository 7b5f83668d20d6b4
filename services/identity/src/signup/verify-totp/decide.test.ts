import type { Id, SagaId } from '@loomworks/kernel'
import { timeOf } from '@loomworks/kernel'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NOW_MS, registration } from '../registrations.ts'
import type { Registration } from '../state.ts'
import { type Next, type VerifyTotp, verifyTotp } from './decide.ts'

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

describe('whatever comes in whatever order', () => {
  const Move = fc.oneof(
    fc.constant({ kind: 'right' as const }),
    fc.constant({ kind: 'wrong' as const }),
    fc.constant({ kind: 'undone' as const }),
    fc.constant({ kind: 'completed' as const }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 900_000 }) }),
  )

  /** What the database would hold after the decision. */
  function after(before: Registration, next: Next): Registration {
    if (next.next === 'count_wrong_code') return { ...before, wrong_codes: before.wrong_codes + 1, state: next.attemptsLeft > 0 ? before.state : 'expired' }
    return next.next === 'start' ? { ...before, state: 'submitted', attempt: next.attempt, saga_id: SAGA } : before
  }

  test('five attempts and five wrong codes are the most, and only a right code begins the first', () => {
    fc.assert(
      fc.property(fc.array(Move, { maxLength: 60 }), (moves) => {
        let held = registration({ state: 'passkey_verified' })
        let nowMs = NOW_MS
        const starts: Next[] = []
        for (const move of moves) {
          if (move.kind === 'wait') nowMs += move.ms
          if (move.kind === 'undone' && held.state === 'submitted') held = { ...held, state: 'proven' }
          if (move.kind === 'completed' && held.state === 'submitted') held = { ...held, state: 'completed', completed_at: timeOf(nowMs) }
          if (move.kind !== 'right' && move.kind !== 'wrong') continue
          const next = decided({ codeStep: move.kind === 'right' ? 7 : undefined, claimHash: undefined, nowMs }, held)
          if (next === undefined) continue
          if (next.next === 'start') starts.push(next)
          held = after(held, next)
        }
        expect(starts.map((each) => each.next === 'start' && each.attempt)).toEqual(starts.map((_, index) => index + 1))
        expect(starts.length).toBeLessThanOrEqual(5)
        expect(held.wrong_codes).toBeLessThanOrEqual(5)
        if (starts[0]?.next === 'start') expect(starts[0].codeStep).toBe(7)
        expect(starts.slice(1).every((each) => each.next === 'start' && each.codeStep === undefined)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  function decided(command: VerifyTotp, held: Registration): Next | undefined {
    try {
      return verifyTotp(command, held)
    } catch {
      return undefined
    }
  }
})
