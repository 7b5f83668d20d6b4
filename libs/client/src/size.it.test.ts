// What a page has to load, and what there is to read: both are promised to stay small.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

const MOST_BYTES = 12 * 1024
const MOST_LINES = 300

test('all of it, bundled for a browser, is at most 12 KB of gzip', async () => {
  const whole = "export * from './index.ts'; export * from './browser.ts'"
  const entry = {
    name: 'entry',
    resolveId: (id: string) => (id === 'entry' ? join(import.meta.dirname, 'entry.ts') : null),
    load: (id: string) => (id.endsWith('/entry.ts') ? whole : null),
  }
  const bundle = await rolldown({ input: 'entry', platform: 'browser', plugins: [entry] })
  const { output } = await bundle.generate({ minify: true })
  const bytes = output.reduce((sum, part) => sum + (part.type === 'chunk' ? gzipSync(part.code).length : 0), 0)
  expect(bytes).toBeGreaterThan(1000)
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES)
})

test('what is written by hand is at most 300 lines, comments, imports and empty lines apart', () => {
  const files = globSync('*.ts', { cwd: import.meta.dirname }).filter((name) => !name.endsWith('.test.ts'))
  const lines = files.flatMap((name) => readFileSync(join(import.meta.dirname, name), 'utf8').split('\n'))
  const written = lines.filter((line) => !/^\s*(?:\/\/.*|\/?\*.*)?$|^import /.test(line))
  expect(written.length).toBeGreaterThan(100)
  expect(written.length).toBeLessThanOrEqual(MOST_LINES)
})

test('it needs nothing but @simplewebauthn/browser', () => {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'))
  expect(Object.keys(dependencies)).toEqual(['@simplewebauthn/browser'])
})
