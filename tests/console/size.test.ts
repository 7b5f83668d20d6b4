// What a newcomer's browser fetches before it shows anything.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CONSOLE_FILES, consoleBuilt } from '../../dev/console.ts'

const FIRST_LOAD_BYTES = 150_000

test('the first load is at most 150 KB of compressed script', async () => {
  await consoleBuilt()
  const page = readFileSync(join(CONSOLE_FILES, 'index.html'), 'utf8')
  const scripts = [...page.matchAll(/(?:src|href)="\/console\/(assets\/[^"]+\.js)"/g)].map(([, name = '']) => name)
  expect(scripts.length).toBeGreaterThan(0)
  const bytes = scripts.reduce((sum, name) => sum + readFileSync(join(CONSOLE_FILES, `${name}.gz`)).length, 0)
  expect(bytes).toBeGreaterThan(10_000)
  expect(bytes).toBeLessThan(FIRST_LOAD_BYTES)
  expect(page).not.toMatch(/<style|style=|onload=/)
})
