// Everything that one saga can go through, for the shapes and the faults that there are. No database; it is here for its time.
import { expect, test } from 'vitest'
import { type AnySaga, anySaga } from '../definition.ts'
import { type Exploration, explore } from './explorer.ts'
import { parallelSaga, sequentialSaga } from './sagas.ts'

const parallel = anySaga(parallelSaga)

const everything = { errors: true, stalls: true }
const WORLDS: readonly [string, AnySaga, Omit<Exploration, 'definition'>][] = [
  ['sequential, three attempts', sequentialSaga, { token: true, attempts: 3, ...everything }],
  ['parallel, two attempts', parallel, { token: false, attempts: 2, ...everything }],
  ['parallel with a token, two attempts', parallel, { token: true, attempts: 2, ...everything }],
  ['sequential, with an operator', sequentialSaga, { token: true, attempts: 2, ...everything, operator: true }],
  ['parallel, with an operator', parallel, { token: false, attempts: 1, errors: true, stalls: false, operator: true }],
  ['sequential, no message left out', sequentialSaga, { token: false, attempts: 2, ...everything, whole: true }],
  ['parallel, no message left out', parallel, { token: false, attempts: 1, ...everything, whole: true }],
]

test.for(WORLDS)('every invariant holds in every state: %s', { timeout: 60_000 }, ([, definition, rest]) => {
  const explored = explore({ definition, ...rest })
  expect(explored.violation).toBeUndefined()
  expect(explored.complete).toBe(true)
  expect(explored.completed).toBeGreaterThan(0)
  expect(explored.aborted).toBeGreaterThan(0)
})
