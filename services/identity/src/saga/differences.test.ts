import { expect, test } from 'vitest'
import { differences } from './differences.ts'

test('leaves that differ, and members that are on one side alone, each by its path', () => {
  const left = { state: 'running', steps: { a: { attempt: 1, code: 'x' }, b: { attempt: 1 } }, overlays: [] }
  const right = { state: 'running', steps: { a: { attempt: 2 }, b: { attempt: 1 } }, overlays: ['paused'] }
  expect(differences(left, right)).toEqual([
    { path: '/steps/a/attempt', left: 1, right: 2 },
    { path: '/steps/a/code', left: 'x' },
    { path: '/overlays', left: [], right: ['paused'] },
  ])
})

test('equal states differ in nothing', () => {
  expect(differences({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toEqual([])
})
