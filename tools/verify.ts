// npm run verify: exactly what CI runs. Every step runs even when one before it failed; the summary stands at the end.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

interface Step {
  readonly name: string
  run(): Promise<boolean>
}

const root = resolve(import.meta.dirname, '..')
const GENERATED = ['docs/**', 'services/*/schema.sql', 'services/gateway/openapi.json', 'libs/client/src/generated/**', 'libs/contracts/**']
const SOURCES = ['libs', 'services', 'dev', 'tools', 'tests', 'bench'].filter((folder) => existsSync(join(root, folder)))

const steps: readonly Step[] = [
  { name: 'format and lint', run: () => program('@biomejs/biome/bin/biome', ['ci', '--colors=off', '.']) },
  { name: 'promises', run: () => program('oxlint/bin/oxlint', ['--type-aware', '--deny-warnings']) },
  { name: 'types', run: () => program('typescript/bin/tsc', ['--noEmit']) },
  { name: 'types of the console', run: () => program('typescript/bin/tsc', ['--noEmit', '--project', 'console']) },
  {
    name: 'boundaries',
    run: () => program('dependency-cruiser/bin/dependency-cruise.mjs', ['--config', '.dependency-cruiser.mjs', '--output-type', 'err', ...SOURCES]),
  },
  { name: 'dead code', run: () => program('knip/bin/knip.js', ['--no-progress', '--no-config-hints']) },
  { name: 'generated documents clean', run: generatedIsClean },
  { name: 'api only grows', run: () => node([join(root, 'tools', 'api-gate.ts')]) },
  { name: 'tests', run: () => node([join(root, 'tools', 'test.ts')]) },
]

const results: { name: string; passed: boolean; seconds: number }[] = []
for (const { name, run } of steps) {
  console.log(`\n── ${name}`)
  const began = performance.now()
  const passed = await run()
  results.push({ name, passed, seconds: (performance.now() - began) / 1000 })
}

console.log('')
for (const { name, passed, seconds } of results) console.log(`${passed ? 'ok    ' : 'FAILED'}  ${seconds.toFixed(1).padStart(6)} s  ${name}`)
const failed = results.filter(({ passed }) => !passed)
console.log(failed.length === 0 ? '\nverify: all steps passed' : `\nverify: failed at ${failed.map(({ name }) => name).join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1

function program(path: string, args: readonly string[]): Promise<boolean> {
  return node([join(root, 'node_modules', path), ...args])
}

function node(args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  return new Promise((done, failed) => {
    child.on('error', failed)
    child.on('exit', (code) => done(code === 0))
  })
}

/** What the generator writes is what is there already. Compared by content, so that uncommitted work does not fail it. */
async function generatedIsClean(): Promise<boolean> {
  const before = digests()
  if (!(await node([join(root, 'tools', 'generate.ts')]))) return false
  const after = digests()
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path))
  for (const path of changed) console.log(`${path} was out of date: commit what npm run generate has written`)
  return changed.length === 0
}

function digests(): Map<string, string> {
  const files = globSync(GENERATED, { cwd: root, exclude: (path) => path.includes('node_modules') }).filter((path) => statSync(join(root, path)).isFile())
  return new Map(
    files.map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(root, path)))
        .digest('hex'),
    ]),
  )
}
