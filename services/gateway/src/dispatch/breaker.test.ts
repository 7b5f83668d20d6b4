import { fakeClock } from '@loomworks/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Breaker, type Outcome } from './breaker.ts'

function breaker(random = 0.5) {
  const clock = fakeClock()
  const made = new Breaker({ now: clock.now, random: () => random })
  const send = (outcome: Outcome, times = 1) => {
    for (let at = 0; at < times; at++) if (made.enter() === undefined) made.ended(outcome, made.turn)
  }
  return { clock, breaker: made, send }
}

test('it opens when half of twenty calls have failed, and not before the twentieth', () => {
  const { breaker: each, send } = breaker()
  send('answered', 10)
  send('failed', 9)
  expect(each.isOpen).toBe(false)
  send('failed')
  expect(each.isOpen).toBe(true)
  expect(each.enter()).toBe(2000)
})

test('less than half is borne', () => {
  const { breaker: each, send } = breaker()
  send('answered', 100)
  send('failed', 99)
  expect(each.isOpen).toBe(false)
})

test('what is older than ten seconds no longer counts', () => {
  const { clock, breaker: each, send } = breaker()
  send('failed', 19)
  clock.advance(10_000)
  send('failed')
  expect(each.isOpen).toBe(false)
  send('failed', 19)
  expect(each.isOpen).toBe(true)
})

test('clients that leave say nothing of the service', () => {
  const { breaker: each, send } = breaker()
  send('left', 100)
  expect(each.isOpen).toBe(false)
})

test('after its time one call goes out to try; an answer closes it', () => {
  const { clock, breaker: each, send } = breaker()
  send('failed', 20)
  clock.advance(2000)
  expect(each.enter()).toBeUndefined()
  expect(each.enter()).toBeGreaterThan(0)
  each.ended('answered', each.turn)
  expect(each.isOpen).toBe(false)
  send('failed', 19)
  expect(each.isOpen).toBe(false)
})

test('a try that fails opens it again', () => {
  const { clock, breaker: each, send } = breaker()
  send('failed', 20)
  clock.advance(2000)
  send('failed')
  expect(each.enter()).toBe(2000)
})

test('a try whose client left is tried again by the next', () => {
  const { clock, breaker: each, send } = breaker()
  send('failed', 20)
  clock.advance(2000)
  send('left')
  expect(each.enter()).toBeUndefined()
})

test.each<Outcome>(['answered', 'failed', 'left'])('a call that was under way when it opened is no try, whenever it ends: %s', (outcome) => {
  const { clock, breaker: each, send } = breaker()
  const before = each.turn
  send('failed', 20)
  each.ended(outcome, before)
  expect(each.enter()).toBe(2000)
  clock.advance(2000)
  expect(each.enter()).toBeUndefined()
  each.ended(outcome, before)
  expect(each.isOpen).toBe(true)
  expect(each.enter()).toBeGreaterThan(0)
  each.ended('answered', each.turn)
  expect(each.isOpen).toBe(false)
})

test.each([
  [0, 1500],
  [1, 2500],
])('it stays open for a time of its own: at %d for %d ms', (random, ms) => {
  const { breaker: each, send } = breaker(random)
  send('failed', 20)
  expect(each.enter()).toBe(ms)
})

test('whatever happens, a service that answers is spoken to again within the longest time it may be open', () => {
  const step = fc.oneof(
    fc.constantFrom<Outcome>('answered', 'failed', 'left').map((outcome) => ({ outcome, ms: 0 })),
    fc.integer({ min: 1, max: 3000 }).map((ms) => ({ outcome: undefined, ms })),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), ({ length, ...steps }) => {
      const { clock, breaker: each, send } = breaker(1)
      for (const { outcome, ms } of Object.values(steps).slice(0, length) as { outcome: Outcome | undefined; ms: number }[]) {
        clock.advance(ms)
        if (outcome !== undefined) send(outcome)
      }
      clock.advance(2500)
      send('answered')
      expect(each.isOpen).toBe(false)
    }),
  )
})
