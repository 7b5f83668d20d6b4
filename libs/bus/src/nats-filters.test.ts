import fc from 'fast-check'
import { expect, test } from 'vitest'
import { covers, disjoint } from './nats-filters.ts'
import { patternOf } from './postgres-consumer.ts'

const TOKENS = ['a', 'b', '0'] as const
const subject = fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'))
const filter = fc
  .tuple(fc.array(fc.constantFrom(...TOKENS, '*'), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([tokens, open]) => [...tokens, ...(open ? ['>'] : [])].join('.'))
const all = fc.sample(subject, { numRuns: 400, seed: 1 })
const taken = (each: string) => all.filter((one) => patternOf(each).test(one))

test('a filter covers another when it takes every subject of it', () => {
  expect([covers('evt.>', 'evt.a.*.b'), covers('evt.*.b', 'evt.a.b'), covers('evt.*', 'evt.>'), covers('evt.>', 'evt'), covers('evt.a', 'evt.a.b')]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
  fc.assert(
    fc.property(filter, filter, (wide, narrow) => {
      if (covers(wide, narrow)) expect(taken(wide)).toEqual(expect.arrayContaining(taken(narrow)))
      expect(covers(wide, wide)).toBe(true)
    }),
  )
})

test('filters are made disjoint and take everything that they took', () => {
  fc.assert(
    fc.property(fc.array(filter, { minLength: 1, maxLength: 6 }), (filters) => {
      const kept = disjoint(filters)
      for (const each of filters) expect(kept.some((one) => covers(one, each))).toBe(true)
      for (const one of all) expect(kept.filter((each) => patternOf(each).test(one)).length).toBeLessThanOrEqual(1)
      expect(disjoint(kept)).toEqual(kept)
    }),
  )
})

test('what does not overlap stays as it is, and what does becomes no wider than it must', () => {
  const lanes = ['evt.identity.0.*.PersonActivated', 'evt.identity.0.*.SessionRevoked', 'evt.credit.0.*.GrantClaimed']
  expect(disjoint(lanes)).toEqual(lanes)
  expect(disjoint(['evt.a.0.b.C', 'evt.a.>'])).toEqual(['evt.a.>'])
  expect(disjoint(['evt.a.*.b', 'evt.*.0.b'])).toEqual(['evt.*.*.b'])
})
