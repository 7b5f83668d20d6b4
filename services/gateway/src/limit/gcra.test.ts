import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Limiter, rateOf } from './gcra.ts'

const START = 1_893_553_445_678

test('a rate is written as count, unit and, where it differs, burst', () => {
  expect(rateOf('10/min')).toEqual({ count: 10, windowMs: 60_000, burst: 10 })
  expect(rateOf('20/s:40')).toEqual({ count: 20, windowMs: 1000, burst: 40 })
  for (const wrong of ['', '0/s', '10', '10/d', '-1/s', '1/s:0', '1e3/s']) expect(rateOf(wrong)).toBeUndefined()
})

test('a burst passes, the next waits, and after its time it passes', () => {
  const limiter = new Limiter({ count: 10, windowMs: 60_000, burst: 3 })
  const take = (atMs: number) => limiter.take('ada', START + atMs)
  expect([take(0), take(0), take(0)].map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
    [true, 2],
    [true, 1],
    [true, 0],
  ])
  expect(take(0)).toEqual({ allowed: false, remaining: 0, resetMs: 6000 })
  expect(take(5999).allowed).toBe(false)
  expect(take(6000).allowed).toBe(true)
})

test('one key takes nothing from another', () => {
  const limiter = new Limiter({ count: 1, windowMs: 1000, burst: 1 })
  expect(limiter.take('ada', START).allowed).toBe(true)
  expect(limiter.take('bob', START).allowed).toBe(true)
  expect(limiter.take('ada', START).allowed).toBe(false)
})

test('a key is forgotten when more others were used since than are kept, and not before', () => {
  const limiter = new Limiter({ count: 1, windowMs: 60_000, burst: 1 }, 2)
  const allowed = (key: string) => limiter.take(key, START).allowed
  expect([allowed('ada'), allowed('bob'), allowed('ada'), allowed('bob')]).toEqual([true, true, false, false])
  expect([allowed('cleo'), allowed('bob'), allowed('ada')]).toEqual([true, false, true])
})

test('in no window does a key get more than burst and rate allow', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 100 }),
      (count, burst, gaps) => {
        const limiter = new Limiter({ count, windowMs: 1000, burst }, 16)
        let now = START
        const passed = gaps.flatMap((gap) => {
          now += gap
          return limiter.take('ada', now).allowed ? [now] : []
        })
        for (const [index, first] of passed.entries()) {
          const last = passed.at(-1) ?? first
          expect(passed.length - index).toBeLessThanOrEqual(burst + ((last - first) * count) / 1000 + 1e-6)
        }
      },
    ),
  )
})
