import { expect, test } from 'vitest'
import { type Mutant, simulate } from './simulate.ts'

test('250 schedules with crashes, freezes, lost and repeated messages end all or nothing', { timeout: 30_000 }, async () => {
  for (let seed = 1; seed <= 250; seed++) expect(await simulate(seed)).toBeUndefined()
})

test.for<[Mutant, RegExp]>([
  ['no tombstone', /S-INV-6|S-INV-2/],
  ['publish before append', /append before publish|S-INV/],
  ['event id from position alone', /S-INV-8/],
])('an engine with "%s" is caught', { timeout: 30_000 }, async ([mutant, invariant]) => {
  expect(await firstViolation(mutant)).toMatch(invariant)
})

async function firstViolation(mutant: Mutant): Promise<string> {
  for (let seed = 1; seed <= 500; seed++) {
    const violation = await simulate(seed, mutant)
    if (violation !== undefined) return violation
  }
  return 'none in 500 schedules'
}
