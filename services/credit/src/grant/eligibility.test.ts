import { expect, test } from 'vitest'
import { verdictOf } from './eligibility.ts'

const hashes = { emailHash: 'a', emailNormalizedHash: 'b' }
const at = { nowMs: Date.parse('2030-02-01T00:00:00.000Z'), coolingDays: 30 }
const row = (status: 'pending_claim' | 'claimed' | 'expired' | 'revoked' | 'deleted', more: object = {}) => ({
  exact: true,
  status,
  last_status_at: '2030-01-15T00:00:00.000Z',
  expires_at: null,
  ...more,
})

test('an address nobody knows is eligible', () => {
  expect(verdictOf([], hashes, at)).toEqual({ eligibility: 'eligible' })
})

test('a pending grant comes before a claimed one, and says when it ends', () => {
  const pending = row('pending_claim', { expires_at: '2030-02-10T00:00:00.000Z' })
  expect(verdictOf([row('claimed'), pending], hashes, at)).toEqual({
    eligibility: 'pending_claim_exists',
    matched: 'email_hash',
    matchedHash: 'a',
    expiresAt: '2030-02-10T00:00:00.000Z',
  })
})

test('a match by mailbox alone is told as such', () => {
  expect(verdictOf([row('claimed', { exact: false })], hashes, at)).toEqual({
    eligibility: 'already_granted',
    matched: 'email_normalized_hash',
    matchedHash: 'b',
  })
})

test.each(['expired', 'revoked', 'deleted'] as const)('after %s the address cools down, then is eligible again', (status) => {
  expect(verdictOf([row(status)], hashes, at)).toMatchObject({ eligibility: 'cooling_down', retryAt: '2030-02-14T00:00:00.000Z' })
  expect(verdictOf([row(status)], hashes, { ...at, nowMs: Date.parse('2030-02-14T00:00:00.000Z') })).toEqual({ eligibility: 'eligible' })
})
