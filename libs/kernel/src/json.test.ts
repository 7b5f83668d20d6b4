// The examples are those of RFC 8785 (JCS), §3.2.2 and §3.2.3, and its appendix B.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashOf, sha256 } from './hash.ts'
import { canonicalJson, type Json } from './json.ts'

test('the example of the standard has the text of the standard', () => {
  const example = JSON.parse(
    String.raw`{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}`,
  )
  expect(canonicalJson(example)).toBe(
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  )
})

test('keys are ordered by their UTF-16 code units', () => {
  const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6']
  const ordered = JSON.parse(canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])))) as object
  // A parser puts keys that look like an index first, and here that changes nothing but `1`.
  expect(Object.keys(ordered).filter((key) => key !== '1')).toEqual(['\r', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'])
  expect(canonicalJson({ '2': 0, '10': 0, '1': 0 })).toBe('{"1":0,"10":0,"2":0}')
})

describe('numbers', () => {
  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555555', '333333333.3333333'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('the double %s is %s', (bits, text) => {
    expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%s has no text', (number) => {
    expect(() => canonicalJson(number)).toThrow(TypeError)
  })
})

test('a lone surrogate has no text, neither as a value nor as a key', () => {
  expect(() => canonicalJson('\ud800')).toThrow(TypeError)
  expect(() => canonicalJson({ '\udead': 1 })).toThrow(TypeError)
})

test('what is no JSON has no text; a member that is not there is left out', () => {
  expect(() => canonicalJson(undefined)).toThrow(TypeError)
  expect(() => canonicalJson(1n as unknown as Json)).toThrow(TypeError)
  expect(canonicalJson({ a: undefined, b: null })).toBe('{"b":null}')
})

const value = fc.jsonValue({ maxDepth: 4 }).filter((each) => JSON.stringify(each).isWellFormed()) as fc.Arbitrary<Json>

test('the text means the value it was made of, and is its own canonical text', () => {
  fc.assert(
    fc.property(value, (each) => {
      const text = canonicalJson(each)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(each)))
      expect(canonicalJson(JSON.parse(text) as Json)).toBe(text)
    }),
  )
})

test('members are ordered alike whether an object has few or many', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xd7ff }), { maxLength: 60 }), (units) => {
      const keys = [...new Set(units)].map((unit) => `k${String.fromCharCode(unit)}`)
      const text = canonicalJson(Object.fromEntries(keys.map((key) => [key, null])))
      expect(text).toBe(
        `{${keys
          .sort()
          .map((key) => `${JSON.stringify(key)}:null`)
          .join()}}`,
      )
    }),
  )
})

test('the order in which members were written does not change the hash', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.integer()), (members) => {
      const backwards = Object.fromEntries(Object.entries(members).reverse())
      expect(hashOf(backwards)).toBe(hashOf(members))
    }),
  )
  expect(hashOf({ a: 1 })).toBe(sha256('{"a":1}'))
})
