// The unit set explores the sequential saga whole; the integration set adds the parallel one, errors and stalls.
import { expect, test } from 'vitest'
import { anySaga } from '../definition.ts'
import { explore } from './explorer.ts'
import { MUTANT_RULES } from './mutants.ts'
import { parallelSaga, sequentialSaga } from './sagas.ts'

test('a sequential saga keeps every invariant in every state it can reach', () => {
  const explored = explore({ definition: sequentialSaga, token: false, attempts: 2, errors: true, stalls: false })
  expect(explored.violation).toBeUndefined()
  expect(explored).toMatchObject({ complete: true })
  expect(explored.completed).toBeGreaterThan(0)
  expect(explored.aborted).toBeGreaterThan(0)
})

test('F8: when one of two parallel steps fails, the other one is undone too, whatever is known of it', () => {
  const explored = explore({ definition: anySaga(parallelSaga), token: false, attempts: 1, errors: false, stalls: false })
  expect(explored.violation).toBeUndefined()
  expect(explored).toMatchObject({ complete: true })
})

test('without tombstones a late do takes effect after its undo, and the explorer finds it', () => {
  const explored = explore({ definition: sequentialSaga, token: false, attempts: 1, errors: false, stalls: false, rules: MUTANT_RULES.noTombstone })
  expect(explored.violation).toMatch(/S-INV-6/)
})

test('if only finished steps are undone, a late do is left behind, and the explorer finds it', () => {
  const explored = explore({ definition: sequentialSaga, token: false, attempts: 1, errors: false, stalls: false, rules: MUTANT_RULES.undoOnlyFinished })
  expect(explored.violation).toMatch(/S-INV-2|was sent and not undone/)
})
