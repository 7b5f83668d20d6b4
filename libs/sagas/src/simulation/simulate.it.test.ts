// 5,000 schedules of the real engine. No database; it is here for its time. A seed that fails is printed, and becomes a test.
import { expect, test } from 'vitest'
import { simulate } from './simulate.ts'

const SCHEDULES = 5000

test('5,000 schedules with crashes, freezes, lost and repeated messages end all or nothing', { timeout: 180_000 }, async () => {
  const first = Date.now() % 1_000_000_000
  for (let seed = first; seed < first + SCHEDULES; seed++) expect(await simulate(seed)).toBeUndefined()
})
