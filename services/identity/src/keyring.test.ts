import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { keyringOf } from './keyring.ts'

const kek = randomBytes(32)
const keyring = keyringOf(kek)
const secret = Buffer.from('a secret')

test('what was sealed opens again under the same words', () => {
  expect(keyring.open('totp', keyring.seal('totp', secret, 'person/1'), 'person/1')).toEqual(secret)
})

test('sealed twice it looks different', () => {
  expect(keyring.seal('totp', secret, 'person/1')).not.toEqual(keyring.seal('totp', secret, 'person/1'))
})

test('it does not open in the row of somebody else', () => {
  const sealed = keyring.seal('totp', secret, 'person/1')
  expect(() => keyring.open('totp', sealed, 'person/2')).toThrow()
})

test('it does not open under the key of another purpose', () => {
  const sealed = keyring.seal('totp', secret, 'person/1')
  expect(() => keyring.open('signing', sealed, 'person/1')).toThrow()
})

test('it does not open under another file, nor when a bit of it was changed', () => {
  const sealed = keyring.seal('totp', secret, 'person/1')
  expect(() => keyringOf(randomBytes(32)).open('totp', sealed, 'person/1')).toThrow()
  sealed.writeUInt8(sealed.readUInt8(14) ^ 1, 14)
  expect(() => keyring.open('totp', sealed, 'person/1')).toThrow()
})

test('the id of a key is the same at every start and is not the key', () => {
  expect(keyringOf(kek).keyId).toBe(keyring.keyId)
  expect(keyringOf(randomBytes(32)).keyId).not.toBe(keyring.keyId)
})
