import { describe, expect, test } from 'vitest'
import { BENCHMARKS } from './index.ts'

/** Short rounds on a busy machine say nothing of the goals: what is shown is that each benchmark measures something. */
describe('a short run gives figures:', () => {
  test.for(BENCHMARKS.map((benchmark) => [benchmark.name, benchmark] as const))('%s', { timeout: 120_000 }, async ([, benchmark], { skip }) => {
    const lacking = benchmark.lacks?.()
    if (lacking !== undefined) skip(lacking)
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
