// A host unpaused a saga and was not told that it had; the other heard of it and lost the row it noted. What was listed was a paused saga, which is
// never due: nobody looked at it again until a host was started.
import { expect, test } from 'vitest'
import { simulate } from '../simulation/simulate.ts'

const SEED = 722_932_706

test('a saga that goes on again is looked at, also where its row could not be written at first', async () => {
  expect(await simulate(SEED)).toBeUndefined()
})

test('it was because a note was tried once', async () => {
  expect(await simulate(SEED, 'a note is tried once')).toContain('S-INV-9')
})
