import { expect, test } from 'vitest'
import { clocksOf } from './clocks.ts'

const offset = (...sightings: readonly Omit<Parameters<typeof clocksOf>[0][number], 'clock'>[]) =>
  clocksOf(sightings.map((each) => ({ clock: 'one', ...each }))).get('one')?.offsetMs

test('a clock that contradicts nothing is left as it is', () => {
  expect(offset({ saidMs: 105, afterMs: 100, made: { saidMs: 110, beforeMs: 120 } })).toBe(0)
})

test('a clock that is behind is moved until what it took came after it was sent', () => {
  expect(offset({ saidMs: 40, afterMs: 100 }, { saidMs: 90, afterMs: 120 })).toBe(60)
})

test('a clock that is ahead is moved back until its answer came before it was stored', () => {
  expect(offset({ saidMs: 500, afterMs: 100, made: { saidMs: 510, beforeMs: 130 } })).toBe(-380)
})

test('a clock that was set meanwhile is wrong by equal parts on both sides', () => {
  expect(offset({ saidMs: 40, afterMs: 100 }, { saidMs: 200, afterMs: 150, made: { saidMs: 210, beforeMs: 170 } })).toBe(10)
})
