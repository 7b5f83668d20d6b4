import { canonicalJson, newId, sha256 } from '@loomworks/kernel'
import { describe, expect, test } from 'vitest'
import { ApprovalOperation, actOf, SentLeg, signedBytes } from './signed.ts'
import { termsHash } from './terms.ts'

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA'
const HASH = 'ab'.repeat(32)
const USD = { currency: 'USD', minor: 1250 }
const sent = SentLeg.parse({ salt: SALT, aud: 'https://wallet.example', capability: 'payment.spend', body: { payee: 'cafe' }, amount: USD, key: 'a/1' })

test('what is signed opens with its kind and a zero byte', () => {
  expect(signedBytes('approval', { b: 1, a: 2 })).toBe('loomworks/approval/1\u0000{"a":2,"b":1}')
  expect(signedBytes('connection', {})).toBe('loomworks/connection/1\u0000{}')
})

test('terms are told by their hash with a salt', () => {
  expect(termsHash({ b: 1 }, SALT)).toBe(sha256(`{"salt":"${SALT}","terms":{"b":1}}`))
})

describe('an act', () => {
  test('is the hash of the call as it is sent', () => {
    expect(actOf(sent)).toBe(sha256(canonicalJson({ ...sent })))
  })

  test.each([
    ['salt', { salt: 'BBBBBBBBBBBBBBBBBBBBBA' }],
    ['audience', { aud: 'https://elsewhere.example' }],
    ['capability', { capability: 'message.sms' }],
    ['body', { body: { payee: 'cafe', more: 1 } }],
    ['amount', { amount: { ...USD, minor: 1251 } }],
    ['amount left out', { amount: undefined }],
    ['key', { key: 'a/2' }],
  ])('is another with another %s', (_what, change) => {
    expect(actOf(SentLeg.parse({ ...sent, ...change }))).not.toBe(actOf(sent))
  })
})

describe('a card', () => {
  const leg = { aud: sent.aud, capability: sent.capability, act: HASH, amount: USD }
  const card = {
    decision: 'approve',
    card_id: newId(),
    action_id: newId(),
    action_version: 1,
    template: 'spend/1',
    lines: ['Pay $12.50'],
    blocks: [{ label: 'To', text: 'Corner Café' }],
    action: { legs: [leg], note: 'the Companion’s own' },
    contract: { id: newId(), version: 1, terms_hash: HASH },
    nonce: SALT,
    expires_at: '2030-01-01T00:00:00.000Z',
    rp_id: 'localhost',
    locale: 'en',
  }

  test('keeps all that is signed', () => {
    expect(ApprovalOperation.parse(card)).toEqual(card)
  })

  test.each<readonly [string, object]>([
    ['thirteen lines', { lines: Array.from({ length: 13 }, () => 'x') }],
    ['a line that is too long', { lines: ['x'.repeat(201)] }],
    ['a block that is too long', { blocks: [{ label: 'To', text: 'x'.repeat(8001) }] }],
    ['no call', { action: { legs: [] } }],
    ['four calls', { action: { legs: [leg, leg, leg, leg] } }],
    ['another decision', { decision: 'always' }],
    ['an act that is no hash', { action: { legs: [{ ...leg, act: 'x' }] } }],
    ['terms without their salt', { contract: { ...card.contract, terms: {} } }],
    ['anything else in it', { more: 1 }],
  ])('has not %s', (_what, change) => {
    expect(ApprovalOperation.safeParse({ ...card, ...change }).success).toBe(false)
  })
})
