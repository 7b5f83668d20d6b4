// The checks check: a copy of this repository gets one fault at a time, and the check that guards against it must go red.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { cruise, deadCode, types, unitTest } from './checks.ts'
import { closedColumns } from './rules/columns.ts'
import { errorCodes } from './rules/error-codes.ts'
import { repository, treeAt } from './tree.ts'

let copy: string
const planted = new Map<string, string | undefined>()

beforeAll(() => {
  copy = copyOfRepository()
})

afterEach(() => {
  for (const [path, before] of planted) before === undefined ? rmSync(path) : writeFileSync(path, before)
  planted.clear()
})

afterAll(() => rmSync(copy, { recursive: true, force: true }))

test('a service that imports another service', async () => {
  plant('services/credit/src/planted.ts', "import { identity } from '@loomworks/identity'\nexport const borrowed = identity\n")
  expect(await violations()).toContainEqual(expect.stringContaining('no-service-to-service: services/credit/src/planted.ts'))
})

test('a slice that imports the inside of another slice', async () => {
  plant('services/memory/src/one-slice/projection.ts', 'export const inside = 1\n')
  plant('services/memory/src/other-slice/route.ts', "import { inside } from '../one-slice/projection.ts'\nexport const borrowed = inside\n")
  expect(await violations()).toContainEqual(expect.stringContaining('slice-to-slice: services/memory/src/other-slice/route.ts'))
})

test('a database driver in a decision', async () => {
  plant('services/memory/src/planted/decide.ts', "import pg from 'pg'\nexport const pool = new pg.Pool()\n")
  const broken = await violations()
  expect(broken).toContainEqual(expect.stringContaining('decisions-are-pure: services/memory/src/planted/decide.ts'))
  expect(broken).toContainEqual(expect.stringContaining('driver-pg: services/memory/src/planted/decide.ts'))
})

test('two files that need each other', async () => {
  plant('libs/kernel/src/planted-a.ts', "import { b } from './planted-b.ts'\nexport const a = () => b\n")
  plant('libs/kernel/src/planted-b.ts', "import { a } from './planted-a.ts'\nexport const b = () => a\n")
  expect(await violations()).toContainEqual(expect.stringContaining('no-circular: libs/kernel/src/planted-'))
})

test('a published message whose schema changed without a new version', async () => {
  const golden = 'libs/contracts/src/golden.test.ts'
  expect(await unitTest(copy, golden)).toMatchObject({ passed: true })
  const message = 'libs/contracts/src/events/identity.ts'
  const before = read(message)
  const after = before.replace(/schema: z\.(strictObject|object)\(\{/, '$& plantedMember: z.string().optional(),')
  expect(after).not.toBe(before)
  plant(message, after)
  expect(await unitTest(copy, golden)).toMatchObject({ passed: false })
})

test('an error code that its catalogue lacks, by name and by text', async () => {
  plant('services/memory/src/planted.ts', "import { refuse } from './errors.ts'\nexport const refused = refuse.planted_code()\n")
  plant('services/memory/src/planted.test.ts', "specification.refuses('memory.planted_code')\n")
  expect((await types(copy)).said).toMatch(/planted\.ts.*planted_code/)
  expect(errorCodes(treeAt(copy))).toEqual([expect.stringContaining('names the error code memory.planted_code')])
})

test('a state column that takes any text', () => {
  plant('services/memory/migrations/9999_planted.sql', 'create table planted (\n  id uuid primary key,\n  state text not null\n);\n')
  expect(closedColumns(treeAt(copy))).toEqual([expect.stringContaining('the free-text column planted.state')])
})

test('an export that nobody uses', async () => {
  const path = 'libs/kernel/src/clock.ts'
  plant(path, `${read(path)}\nexport const plantedAndUnused = 1\n`)
  expect(await deadCode(copy)).toMatchObject({ passed: false, said: expect.stringContaining('plantedAndUnused') })
})

const violations = async () => (await cruise(copy)).violations

function plant(path: string, text: string): void {
  const file = join(copy, path)
  if (!planted.has(file)) planted.set(file, textOf(file))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

function read(path: string): string {
  return readFileSync(join(copy, path), 'utf8')
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Its packages are the installed ones, but its own workspaces lead into the copy. */
function copyOfRepository(): string {
  const root = mkdtempSync(join(tmpdir(), 'loomworks-planted-'))
  const left = new Set(['node_modules', '.git', '.loomworks', 'dist', 'screenshots'])
  cpSync(repository, root, {
    recursive: true,
    filter: (path) =>
      !relative(repository, path)
        .split(sep)
        .some((name) => left.has(name)),
  })
  const modules = join(root, 'node_modules')
  mkdirSync(join(modules, '@loomworks'), { recursive: true })
  for (const name of readdirSync(join(repository, 'node_modules'))) {
    if (name !== '@loomworks' && !name.startsWith('.')) symlinkSync(join(repository, 'node_modules', name), join(modules, name))
  }
  for (const workspace of ['libs', 'services']) {
    for (const name of readdirSync(join(root, workspace))) symlinkSync(join(root, workspace, name), join(modules, '@loomworks', name))
  }
  return root
}
