// What Node has compiled is kept, so that the next process of the same code need not do it again (tools/run.mjs).
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { repository } from '../architecture/tree.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lw-compiled-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** What a script sees as the place, run as every command of the README is. */
async function placeSeen(given?: string): Promise<string> {
  const script = join(folder, 'script.ts')
  writeFileSync(script, 'const place: string | undefined = process.env.NODE_COMPILE_CACHE\nconsole.log(place)\n')
  const { NODE_COMPILE_CACHE: _, ...env } = process.env
  const run = promisify(execFile)(process.execPath, [join(repository, 'tools', 'run.mjs'), script], {
    env: { ...env, ...(given !== undefined && { NODE_COMPILE_CACHE: given }) },
  })
  return (await run).stdout.trim()
}

test('beside the packages', async () => {
  expect(await placeSeen()).toBe(join(repository, 'node_modules', '.cache', 'node'))
})

test('elsewhere, where somebody says so', async () => {
  const place = join(folder, 'compiled')
  expect(await placeSeen(place)).toBe(place)
  expect(readdirSync(place, { recursive: true }).length).toBeGreaterThan(1)
})
