import fc from 'fast-check'
import { expect, test } from 'vitest'
import { identifierOf, numberOf } from './identifiers.ts'

test('M-INV-4: number and text name each other, whatever the case and the padding', () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), fc.nat(5), fc.boolean(), (number, zeros, upper) => {
      const text = identifierOf(number)
      expect(numberOf(text)).toBe(number)
      expect(numberOf(`${upper ? 'E' : 'e'}${'0'.repeat(zeros)}${number}`)).toBe(number)
    }),
  ))

test('it has four digits at least and is never cut', () => {
  expect([1, 999, 9999, 10_000].map(identifierOf)).toEqual(['E0001', 'E0999', 'E9999', 'E10000'])
})

test.each(['E', 'E0', 'E00', 'F1', '1', 'E-1', 'E1.5', 'E1 ', 'E12345678901'])('%s is no identifier', (text) => expect(numberOf(text)).toBeUndefined())
