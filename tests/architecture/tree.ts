import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

/** Source files to judge, by their path from the root. A rule sees nothing else, so a test can hand it three lines. */
export interface Tree {
  readonly paths: readonly string[]
  read(path: string): string
}

/** One broken rule: where, and what to do instead. */
export type Finding = string

export const repository = resolve(import.meta.dirname, '..', '..')

const NOT_OURS = new Set(['node_modules', '.git', '.loomworks', 'dist', 'screenshots'])

export function treeAt(root: string): Tree {
  const texts = new Map<string, string>()
  return {
    paths: [...filesBelow(root)].map((path) => relative(root, path).replaceAll('\\', '/')).sort(),
    read(path) {
      const text = texts.get(path) ?? readFileSync(join(root, path), 'utf8')
      texts.set(path, text)
      return text
    },
  }
}

export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return { paths: Object.keys(files), read: (path) => files[path] ?? '' }
}

function* filesBelow(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name) || entry.isSymbolicLink()) continue
    const path = join(directory, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else yield path
  }
}

export function isCode(path: string): boolean {
  return /\.(ts|mts|mjs|js)$/.test(path) && !path.includes('/generated/')
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('tests/')
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
