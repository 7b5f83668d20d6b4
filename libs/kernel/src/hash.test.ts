import { expect, test } from 'vitest'
import { equalSecrets, hmac256, sha256, tokenHash } from './hash.ts'

test('SHA-256 and HMAC-SHA-256 are those of FIPS 180-4 and RFC 4231', () => {
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(hmac256(Buffer.alloc(20, 0x0b), 'Hi There')).toBe('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7')
})

test('a token is known by the hash of its whole text, prefix included', () => {
  expect(tokenHash('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0')
  expect(tokenHash('lws_abc')).not.toBe(tokenHash('lwa_abc'))
  expect(tokenHash('')).toMatch(/^[\w-]{43}$/)
})

test('two secrets are equal only when every byte is', () => {
  expect(equalSecrets('schlüssel', 'schlüssel')).toBe(true)
  expect(equalSecrets('schlüssel', 'schlussel')).toBe(false)
  expect(equalSecrets('a', 'aa')).toBe(false)
  expect(equalSecrets('', '')).toBe(true)
})
