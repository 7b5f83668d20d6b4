import { Refusal } from '@loomworks/kernel'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJson } from './json-body.ts'

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

test('what is JSON is read as it is', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (text) => {
      fc.pre(JSON.stringify(JSON.parse(text)).isWellFormed() && !text.includes('__proto__'))
      expect(parseJson(text)).toEqual(JSON.parse(text))
    }),
  )
})

test('any text is read or refused, never more', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json({ stringUnit: 'binary' })), (text) => {
      try {
        parseJson(text)
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal)
        expect([400, 422]).toContain((error as Refusal).status)
      }
    }),
  )
})

describe('cannot be read:', () => {
  test.each([
    '',
    '{',
    "{'a':1}",
    '{"a":1,}',
    'undefined',
    'NaN',
    '01',
    '\ufeff{}',
    '{"a":1}{}',
    '{"__proto__":{}}',
    '{"a":[{"__proto__":1}]}',
    '{"\\u005f_proto__":1}',
  ])('%s', (text) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: 'malformed_request', status: 400 }))
  })
})

describe('has the wrong shape:', () => {
  test.each([
    ['deeper than 32', nested(33), '/0'.repeat(32)],
    ['deep enough to exhaust a stack', nested(100_000), '/0'.repeat(32)],
    ['half a character', '{"a":["\\ud800"]}', '/a/0'],
    ['half a character in a key', '{"a":{"\\udc00":1}}', '/a'],
    ['a number of no size', '{"a":1e999}', '/a'],
  ])('%s', (_what, text, pointer) => {
    expect(() => parseJson(text)).toThrow(
      expect.objectContaining({ code: 'invalid_body', status: 422, details: { errors: [expect.objectContaining({ pointer })] } }),
    )
  })
})

test('32 levels are read, whole characters and large numbers too', () => {
  expect(parseJson(nested(32))).toHaveLength(1)
  expect(parseJson('"\\ud83d\\ude00"')).toBe('😀')
  expect(parseJson('1e308')).toBe(1e308)
  expect(parseJson('{"constructor":1}')).toEqual({ constructor: 1 })
})
