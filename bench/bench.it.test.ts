import { describe, expect, test } from 'vitest'
import { BENCHMARKS } from './index.ts'

/** Short rounds on a busy machine say nothing of the goals: what is shown is that each benchmark measures something. */
describe('a short run gives figures:', () => {
  test.each(BENCHMARKS.map((benchmark) => [benchmark.name, benchmark] as const))('%s', { timeout: 60_000 }, async (_, benchmark) => {
    const figures = await benchmark.run({ quick: true })
    expect(figures.length).toBeGreaterThan(0)
    for (const { bench, value, unit, yardstick, ratio } of figures) {
      expect(value, `${bench} (${unit})`).toSatisfy(Number.isFinite)
      if (yardstick !== undefined) expect([yardstick > 0, ratio], bench).toEqual([true, value / yardstick])
    }
  })
})

test('no two benchmarks have one name, by which they are chosen', () => {
  expect(new Set(BENCHMARKS.map(({ name }) => name)).size).toBe(BENCHMARKS.length)
})
