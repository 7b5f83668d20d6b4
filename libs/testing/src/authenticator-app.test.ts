import { expect, test } from 'vitest'
import { codeShown } from './authenticator-app.ts'

// RFC 6238, appendix B: the secret is `12345678901234567890`; the last six of the eight digits it gives.
test.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
])('at second %d the app shows %s', (second, code) => {
  expect(codeShown('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', second * 1000)).toBe(code)
})
