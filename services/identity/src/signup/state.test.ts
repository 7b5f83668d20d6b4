import { timeOf } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { NOW_MS, registration } from './registrations.ts'
import { requireState, standingOf } from './state.ts'

const HALF_AN_HOUR_MS = 1_800_000

test.each(['begun', 'passkey_verified', 'proven'] as const)('a registration that is %s expires after half an hour', (state) => {
  expect(standingOf(registration({ state }), NOW_MS + HALF_AN_HOUR_MS - 1)).toBe(state)
  expect(standingOf(registration({ state }), NOW_MS + HALF_AN_HOUR_MS)).toBe('expired')
})

test.each(['submitted', 'completed'] as const)('one that is %s does not', (state) => {
  expect(standingOf(registration({ state }), NOW_MS + HALF_AN_HOUR_MS)).toBe(state)
})

test('a step out of order is told where the registration stands', () => {
  expect(() => requireState(registration({ state: 'passkey_verified' }), 'begun', NOW_MS)).toThrow(
    expect.objectContaining({ code: 'signup.state', details: { state: 'passkey_verified' } }),
  )
})

test('a step in time passes, one too late is told that it is over', () => {
  requireState(registration(), 'begun', NOW_MS)
  expect(() => requireState(registration({ expires_at: timeOf(NOW_MS) }), 'begun', NOW_MS)).toThrow(
    expect.objectContaining({ code: 'signup.registration_expired' }),
  )
})
