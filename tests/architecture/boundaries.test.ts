import { expect, test } from 'vitest'
import { CRUISED, cruise } from './checks.ts'
import { repository, treeAt } from './tree.ts'

test('nobody imports across a boundary, and every source file was seen', async () => {
  const { sources, violations } = await cruise(repository)
  expect(violations).toEqual([])

  const written = treeAt(repository).paths.filter((path) => path.endsWith('.ts') && CRUISED.includes(path.split('/')[0] ?? ''))
  expect(written.length).toBeGreaterThan(50)
  expect(written.filter((path) => !sources.has(path))).toEqual([])
})
