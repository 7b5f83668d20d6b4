// The same properties as in the unit set, 10,000 runs each. No database; it is here for its time.
import { expect, test } from 'vitest'
import { anyTellingIsLegal, orderChangesNothing } from './properties.ts'

test('10,000 tellings of any repetition, order and loss are legal and complete', { timeout: 60_000 }, () => {
  expect(() => anyTellingIsLegal(10_000)).not.toThrow()
})

test('10,000 orders of replies end as the same replies in order', { timeout: 60_000 }, () => {
  expect(() => orderChangesNothing(10_000)).not.toThrow()
})
