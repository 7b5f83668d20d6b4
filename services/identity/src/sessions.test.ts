import { sha256 } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { newSessionToken } from './sessions.ts'

test('a session token has 256 random bits and a checksum over them', () => {
  const token = newSessionToken()
  const [, secret = '', check] = /^lws_([A-Za-z0-9_-]{43})_([0-9a-f]{6})$/.exec(token) ?? []
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
  expect(sha256(secret).startsWith(check ?? 'none')).toBe(true)
  expect(newSessionToken()).not.toBe(token)
})
