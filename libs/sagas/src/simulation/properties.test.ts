import { expect, test } from 'vitest'
import { anyTellingIsLegal, orderChangesNothing } from './properties.ts'

test('any repetition, order and loss of replies keeps every saga legal and complete', () => {
  expect(() => anyTellingIsLegal(500)).not.toThrow()
})

test('the order and number of replies do not change how a saga ends', () => {
  expect(() => orderChangesNothing(500)).not.toThrow()
})
