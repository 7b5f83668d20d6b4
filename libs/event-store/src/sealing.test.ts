import { Terminal } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { isKeyOf, keyCheck, newKey, openJson, type Sealed, sealJson, unwrapKey, wrapKey } from './sealing.ts'

const key = newKey()
const place = ['engagement-1', 'object-1', 'event-1']
const text = { text: 'likes Größe & 𝄞', note: null, list: [1, 'a'] }

test('what was sealed opens under its key in its place', () => {
  const sealed = sealJson(key, place, text, 'key-1')
  expect(sealed).toMatchObject({ alg: 'A256GCM', kid: 'key-1' })
  expect(JSON.stringify(sealed)).not.toContain('likes')
  expect(openJson(key, place, JSON.parse(JSON.stringify(sealed)))).toEqual(text)
})

test('the same text never seals to the same bytes', () => {
  expect(sealJson(key, place, text).data).not.toBe(sealJson(key, place, text).data)
})

test.each([
  ['another event', ['engagement-1', 'object-1', 'event-2']],
  ['its parts in another order', ['object-1', 'engagement-1', 'event-1']],
  ['its parts joined otherwise', ['engagement-1', 'object-1","event-1']],
  ['one part less', ['engagement-1', 'object-1']],
])('a text moved to %s does not open', (_, moved) => {
  expect(codeOf(() => openJson(key, moved, sealJson(key, place, text)))).toBe('sealing.unreadable')
})

test('another key does not open it', () => {
  expect(codeOf(() => openJson(newKey(), place, sealJson(key, place, text)))).toBe('sealing.unreadable')
})

test.each(['nonce', 'tag', 'data'] as const)('a text with one bit of its %s flipped does not open', (part) => {
  const sealed = sealJson(key, place, text)
  expect(codeOf(() => openJson(key, place, { ...sealed, [part]: flipped(sealed[part]) }))).toBe('sealing.unreadable')
})

test('a shortened tag, a missing part and no ciphertext at all are unreadable, not a crash', () => {
  const { tag, ...rest } = sealJson(key, place, text)
  for (const each of [{ ...rest, tag: tag.slice(0, 6) }, rest, null, 'text']) expect(codeOf(() => openJson(key, place, each))).toBe('sealing.unreadable')
})

test('a data key comes back from its wrap under the holder key, in its place, and under no other', () => {
  const holder = newKey()
  const wrapped = wrapKey(holder, ['person-1'], key)
  expect(unwrapKey(holder, ['person-1'], wrapped).equals(key)).toBe(true)
  expect(codeOf(() => unwrapKey(newKey(), ['person-1'], wrapped))).toBe('sealing.wrong_key')
  expect(codeOf(() => unwrapKey(holder, ['person-2'], wrapped))).toBe('sealing.unreadable')
  expect(codeOf(() => unwrapKey(holder, ['person-1'], { ...wrapped, sealed: { ...wrapped.sealed, data: flipped(wrapped.sealed.data) } }))).toBe(
    'sealing.unreadable',
  )
})

test('a check value knows its key again', () => {
  expect(isKeyOf(key, keyCheck(key))).toBe(true)
  expect(isKeyOf(newKey(), keyCheck(key))).toBe(false)
  expect(isKeyOf(key, '')).toBe(false)
})

test('a key of the wrong length is refused', () => {
  expect(codeOf(() => sealJson(key.subarray(1), place, text))).toBe('sealing.bad_key')
})

function flipped(text: Sealed['data']): string {
  const bytes = Buffer.from(text, 'base64url')
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return bytes.toString('base64url')
}

function codeOf(work: () => unknown): string {
  try {
    return `nothing was thrown, but ${JSON.stringify(work())}`
  } catch (error) {
    return error instanceof Terminal ? error.code : String(error)
  }
}
