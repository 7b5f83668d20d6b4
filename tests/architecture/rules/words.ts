import { type Finding, isCode, isTest, lineAt, type Tree } from '../tree.ts'

interface BannedWord {
  readonly pattern: RegExp
  readonly instead: string
  readonly where: (path: string) => boolean
}

const inServicesAndLibs = (path: string) => /^(services|libs)\//.test(path) && isCode(path)
const isPure = (path: string) => /^services\/.*\/(decide|evolve)\.ts$/.test(path)
const readsEnvironment = (path: string) => /\/config\.ts$/.test(path) || path.startsWith('libs/testing/') || isTest(path)
// This folder must be able to name what it forbids.
const everywhere = (path: string) => !path.startsWith('tests/architecture/') && !path.endsWith('package-lock.json')

const BANNED: readonly BannedWord[] = [
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, instead: 'do it, or open an issue and say in a sentence what the limit is', where: everywhere },
  {
    pattern: /(^|[\s"'`(=])(\/home\/\w|\/work\/\w|\/root\/\w|\/Users\/\w|[A-Z]:\\\\?Users)/,
    instead: 'use a path relative to the repository',
    where: everywhere,
  },
  {
    pattern: /\bprocess\.env\b/,
    instead: "read settings in the service's config.ts and pass them as arguments",
    where: (path) => inServicesAndLibs(path) && !readsEnvironment(path),
  },
  { pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, instead: 'take the time from the command', where: isPure },
  { pattern: /\bMath\.random\(|\brandom(UUID|Bytes)\(|\bnewId\(/, instead: 'take ids from the command', where: isPure },
  { pattern: /\bconsole\.\w+\(/, instead: 'log facts with the logger of the platform', where: inServicesAndLibs },
]

const FOLDERS = new Set(['common', 'utils', 'util', 'helpers', 'helper', 'manager', 'managers', 'misc', 'shared', 'types'])

export function words(tree: Tree): Finding[] {
  return [...tree.paths.flatMap((path) => bannedFolders(path)), ...tree.paths.flatMap((path) => bannedWords(path, tree))]
}

function bannedFolders(path: string): Finding[] {
  const folder = path
    .split('/')
    .slice(0, -1)
    .find((name) => FOLDERS.has(name))
  return folder === undefined ? [] : [`${path} is in a folder named ${folder}: name the folder after the verb or the read model it holds`]
}

function bannedWords(path: string, tree: Tree): Finding[] {
  const rules = BANNED.filter(({ where }) => where(path))
  if (rules.length === 0 || !/\.(ts|mts|mjs|js|sql|md|json|jsonc|yml|yaml|sh)$|\/run$|Dockerfile/.test(path)) return []
  const text = tree.read(path)
  return rules.flatMap(({ pattern, instead }) => {
    const match = pattern.exec(text)
    return match === null ? [] : [`${path}:${lineAt(text, match.index + match[0].length)} has ${match[0].trim()}: ${instead}`]
  })
}
