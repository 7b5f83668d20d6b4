import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { keyringOf } from './keyring.ts'
import { newRecoveryCodes, plainRecoveryCode, recoveryDigest } from './recovery-codes.ts'

const keyring = keyringOf(randomBytes(32))

test('ten codes of 24 Crockford characters, in six groups of four, no two alike', () => {
  const codes = newRecoveryCodes()
  expect(codes).toHaveLength(10)
  expect(new Set(codes).size).toBe(10)
  for (const code of codes) expect(code).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/)
})

test('however a code is typed, it is the same code', () => {
  const [code = ''] = newRecoveryCodes()
  const digest = recoveryDigest(keyring, code)
  expect(recoveryDigest(keyring, code.toLowerCase())).toBe(digest)
  expect(recoveryDigest(keyring, code.replaceAll('-', ''))).toBe(digest)
  expect(recoveryDigest(keyring, ` ${code.replaceAll('-', ' ')} `)).toBe(digest)
})

test('letters that look like digits are read as those', () => {
  expect(plainRecoveryCode('oO-iIlL')).toBe('001111')
})

test('a digest tells nothing without the key of this server', () => {
  const [code = ''] = newRecoveryCodes()
  expect(recoveryDigest(keyringOf(randomBytes(32)), code)).not.toBe(recoveryDigest(keyring, code))
})
