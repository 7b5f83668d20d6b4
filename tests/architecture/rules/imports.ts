import { type Finding, isCode, lineAt, type Tree } from '../tree.ts'

// Packages that would bring a second way of doing something, and the way there is.
const INSTEAD: Readonly<Record<string, string>> = {
  axios: 'undici',
  bcrypt: 'nothing: no low-entropy secret is stored',
  argon2: 'nothing: no low-entropy secret is stored',
  dayjs: 'the Clock of @loomworks/kernel and RFC 3339 text',
  dotenv: "the service's config.ts",
  'drizzle-orm': '@loomworks/sql',
  express: 'operation() of @loomworks/service-kit',
  got: 'undici',
  jest: 'vitest',
  knex: '@loomworks/sql',
  lodash: 'the language',
  moment: 'the Clock of @loomworks/kernel and RFC 3339 text',
  'node-fetch': 'undici',
  'node:assert': 'expect of vitest in tests, a thrown Terminal in code',
  'node:test': 'vitest',
  'pg-boss': '@loomworks/bus',
  prisma: '@loomworks/sql',
  sequelize: '@loomworks/sql',
  typeorm: '@loomworks/sql',
  uuid: 'newId of @loomworks/kernel',
  winston: 'the logger of @loomworks/service-kit',
  '@electric-sql/pglite': 'the real PostgreSQL of dev/postgres',
}

export function bannedImports(tree: Tree): Finding[] {
  return tree.paths
    .filter((path) => isCode(path) && !path.startsWith('tests/architecture/'))
    .flatMap((path) => {
      const text = tree.read(path)
      return [...text.matchAll(/(?:from|import|import\()\s*'([^']+)'/g)].flatMap((match) => {
        const name = packageOf(match[1] ?? '')
        const instead = INSTEAD[name]
        return instead === undefined ? [] : [`${path}:${lineAt(text, match.index)} imports ${name}: use ${instead}`]
      })
    })
}

/** The console is a client like any other: of ours it knows the client library and itself. */
export function consoleImports(tree: Tree): Finding[] {
  return tree.paths
    .filter((path) => path.startsWith('console/src/') && /\.tsx?$/.test(path))
    .flatMap((path) => {
      const depth = path.split('/').length - 3
      const isOurs = (specifier: string) => specifier.startsWith('@loomworks/') && packageOf(specifier) !== '@loomworks/client'
      const leaves = (specifier: string) => (specifier.match(/\.\.\//g) ?? []).length > depth
      return [...tree.read(path).matchAll(/(?:from|import|import\()\s*'([^']+)'/g)]
        .map((match) => match[1] ?? '')
        .filter((specifier) => isOurs(specifier) || leaves(specifier))
        .map((specifier) => `${path} imports ${specifier}: the console speaks through @loomworks/client alone`)
    })
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
