import { describe, expect, test } from 'vitest'
import { closedColumns } from './rules/columns.ts'
import { errorCodes } from './rules/error-codes.ts'
import { bannedImports, consoleImports } from './rules/imports.ts'
import { sizes } from './rules/sizes.ts'
import { words } from './rules/words.ts'
import { type Finding, repository, type Tree, treeAt, treeOf } from './tree.ts'

const ours = treeAt(repository)

describe('this repository', () => {
  test.each([
    ['keeps files and functions short, and explains every package', sizes],
    ['uses no banned name, word or place', words],
    ['imports nothing there is another way for', bannedImports],
    ['has a console that is a client like any other', consoleImports],
    ['has no free-text state column', closedColumns],
    ['names no error code that no catalogue has', errorCodes],
  ] as const)('%s', (_, rule) => {
    expect(rule(ours)).toEqual([])
  })
})

describe('each rule goes red for', () => {
  const catalogue = "export const refuse = refusals('memory', {\n  not_found: { status: 404, says: '', remedy: '' },\n})\n"
  const long = (lines: number) => `export function f() {\n${'  f()\n'.repeat(lines - 2)}}\n`
  test.each<[string, (tree: Tree) => Finding[], Record<string, string>, RegExp]>([
    ['a file of 401 lines', sizes, { 'dev/a.ts': '// line\n'.repeat(401) }, /has 401 lines: split it/],
    ['a function of 71 lines', sizes, { 'dev/a.ts': `const é = 1\n${long(71)}` }, /^dev\/a\.ts:2 has a function of 71 lines/],
    [
      'a test case of 71 lines in a suite',
      sizes,
      { 'dev/a.test.ts': `describe('s', () => {\n  test('t', () => {\n${'    f()\n'.repeat(69)}  })\n})\n` },
      /function of 71 lines/,
    ],
    ['a package without a README', sizes, { 'libs/x/package.json': '{}' }, /libs\/x has no README\.md/],
    ['a folder named utils', words, { 'libs/x/src/utils/a.ts': '' }, /name the folder after the verb/],
    ['a note to do it later', words, { 'dev/a.ts': '// TODO later' }, /do it, or open an issue/],
    ['a path of one machine', words, { 'README.md': 'see /home/ada/notes' }, /relative to the repository/],
    ['the environment read in a slice', words, { 'services/x/src/a/route.ts': 'const p = process.env.PORT' }, /config\.ts/],
    ['a clock in a decision', words, { 'services/x/src/a/decide.ts': 'const now = Date.now()' }, /time from the command/],
    ['an import there is another way for', bannedImports, { 'dev/a.ts': "import x from 'lodash/fp'" }, /use the language/],
    ['a console that knows a service', consoleImports, { 'console/src/pages/a/page.tsx': "import { x } from '../../../../services/x.ts'" }, /client alone/],
    ['a console that knows a library of the services', consoleImports, { 'console/src/main.tsx': "import { x } from '@loomworks/kernel'" }, /client alone/],
    [
      'a free-text state column',
      closedColumns,
      { 'services/x/migrations/0001_x.sql': 'create table t (id uuid primary key, state text not null);' },
      /free-text column t\.state/,
    ],
    [
      'a free-text column added later',
      closedColumns,
      { 'services/x/migrations/0002_x.sql': 'alter table t add column end_reason text;' },
      /free-text column t\.end_reason/,
    ],
    [
      'an error code no catalogue has',
      errorCodes,
      { 'services/x/src/errors.ts': catalogue, 'services/x/src/a.test.ts': ".refuses('memory.lost')" },
      /memory\.lost: add it/,
    ],
  ])('%s', (_, rule, files, says) => {
    expect(rule(treeOf(files)).join('\n')).toMatch(says)
  })
})

describe('no rule goes red for', () => {
  test.each<[string, (tree: Tree) => Finding[], Record<string, string>]>([
    ['a suite of many short cases', sizes, { 'dev/a.test.ts': `describe('s', () => {\n${"  test('t', () => {\n    f()\n  })\n".repeat(40)}})\n` }],
    [
      'a state column with a CHECK',
      closedColumns,
      { 'services/x/migrations/0001_x.sql': "create table t (state text not null check (state in ('a', 'b')), kind text, check (kind in ('c')));" },
    ],
    [
      'a known error code',
      errorCodes,
      { 'services/x/src/errors.ts': "refusals('memory', {\n  lost: { status: 404 },\n})", 'services/x/src/a.test.ts': ".refuses('memory.lost')" },
    ],
  ])('%s', (_, rule, files) => {
    expect(rule(treeOf(files))).toEqual([])
  })
})
