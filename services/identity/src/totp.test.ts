import { describe, expect, test } from 'vitest'
import { base32, matchingStep, newTotpSecret, otpauthUri, stepAt, totpCode } from './totp.ts'

const STEP_MS = 30_000
// RFC 6238 appendix B, SHA-1: the seed is the ASCII text below; the vectors have 8 digits, of which a code is the last 6.
const RFC_SEED = Buffer.from('12345678901234567890')
const VECTORS: readonly (readonly [number, string])[] = [
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
]

test.each(VECTORS)('the code at second %i is the one RFC 6238 gives', (seconds, code) => {
  expect(totpCode(RFC_SEED, stepAt(seconds * 1000))).toBe(code.slice(-6))
})

// RFC 4226 appendix D.
test.each(['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'].entries().toArray())(
  'the code of counter %i is the one RFC 4226 gives',
  (counter, code) => {
    expect(totpCode(RFC_SEED, counter)).toBe(code)
  },
)

describe('a code is taken', () => {
  const nowMs = 1_900_000_000_000
  const present = stepAt(nowMs)

  test.each([-1, 0, 1])('in the step %i away from the present one', (away) => {
    expect(matchingStep(RFC_SEED, totpCode(RFC_SEED, present + away), nowMs)).toBe(present + away)
  })

  test.each([-2, 2])('but not in the step %i away', (away) => {
    expect(matchingStep(RFC_SEED, totpCode(RFC_SEED, present + away), nowMs)).toBeUndefined()
  })

  test('once: a step that was used, or one before it, is over', () => {
    const code = totpCode(RFC_SEED, present)
    expect(matchingStep(RFC_SEED, code, nowMs, present)).toBeUndefined()
    expect(matchingStep(RFC_SEED, code, nowMs, present - 1)).toBe(present)
  })

  test('until its step and the one after it are over', () => {
    const code = totpCode(RFC_SEED, present)
    expect(matchingStep(RFC_SEED, code, nowMs + STEP_MS)).toBe(present)
    expect(matchingStep(RFC_SEED, code, nowMs + 2 * STEP_MS)).toBeUndefined()
  })
})

// RFC 4648 §10, without padding.
test.each([
  ['', ''],
  ['f', 'MY'],
  ['fo', 'MZXQ'],
  ['foo', 'MZXW6'],
  ['foob', 'MZXW6YQ'],
  ['fooba', 'MZXW6YTB'],
  ['foobar', 'MZXW6YTBOI'],
])('base32 of "%s" is "%s"', (text, encoded) => {
  expect(base32(Buffer.from(text))).toBe(encoded)
})

test('a secret has 160 bits, and the app is told everything it needs', () => {
  const secret = newTotpSecret()
  expect(secret).toHaveLength(20)
  expect(otpauthUri(secret, 'Loomworks', 'ada@example.org')).toBe(
    `otpauth://totp/Loomworks:ada%40example.org?secret=${base32(secret)}&issuer=Loomworks&algorithm=SHA1&digits=6&period=30`,
  )
})
