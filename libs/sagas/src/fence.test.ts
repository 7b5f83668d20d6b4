import { expect, test } from 'vitest'
import { type Fence, judgeDo, judgeUndo } from './fence.ts'

const fence = (state: Fence['state']): Fence => ({ state, inputHash: state === 'tombstone' ? null : 'hash', reply: null, undoReply: null })

test.for([
  [undefined, 'apply', 'tombstone'],
  ['done', 'stored', 'reverse'],
  ['failed', 'stored', 'nothing'],
  ['undone', 'refused', 'stored'],
  ['tombstone', 'refused', 'stored'],
] as const)('against a fence that is %s a do is %s and an undo is %s', ([state, onDo, onUndo]) => {
  const there = state === undefined ? undefined : fence(state)
  expect([judgeDo(there, 'hash'), judgeUndo(there)]).toEqual([onDo, onUndo])
})

test('other data under the same key are a mismatch, but what was undone is refused before anything is compared', () => {
  expect(judgeDo(fence('done'), 'other')).toBe('mismatch')
  expect(judgeDo(fence('undone'), 'other')).toBe('refused')
})
