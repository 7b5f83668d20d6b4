import type { Finding, Tree } from '../tree.ts'

// A column of one of these names holds a word of a closed set, so the database must know the set.
const CLOSED = /(^|_)(state|status|kind|visibility|reason|outcome|designation|stage|intent|lifetime|relation)$/
const FREE_TEXT = /^(text|varchar|character varying|char|citext)\b/

/** In every migration, a column that names a closed set carries a CHECK, or a type that is closed by itself. */
export function closedColumns(tree: Tree): Finding[] {
  return tree.paths
    .filter((path) => /(^|\/)migrations\/[^/]+\.sql$/.test(path))
    .flatMap((path) => openColumns(tree.read(path)).map((column) => sentence(path, column)))
}

function sentence(path: string, column: string): Finding {
  return `${path} has the free-text column ${column}: add the CHECK made from its closed set in libs/contracts`
}

function openColumns(migration: string): string[] {
  const text = migration
    .replace(/--[^\n]*/g, '')
    .replace(/\s+/g, ' ')
    .toLowerCase()
  return [...tableBodies(text).flatMap(({ table, items }) => openIn(table, items)), ...addedColumns(text)]
}

function openIn(table: string, items: readonly string[]): string[] {
  const tableChecks = items.filter((item) => /^(constraint \S+ )?check\b/.test(item)).join(' ')
  return items
    .filter((item) => isOpen(item))
    .map((item) => item.split(' ')[0] ?? '')
    .filter((column) => !new RegExp(`\\b${column}\\b`).test(tableChecks))
    .map((column) => `${table}.${column}`)
}

function isOpen(definition: string): boolean {
  const [, name = '', type = ''] = /^"?(\w+)"? (.*)$/.exec(definition) ?? []
  return CLOSED.test(name) && FREE_TEXT.test(type) && !/\bcheck ?\(/.test(type)
}

function addedColumns(text: string): string[] {
  return [...text.matchAll(/alter table (?:if exists )?(\S+) ([^;]*);/g)].flatMap(([, table = '', changes = '']) =>
    itemsOf(changes)
      .map((change) => change.replace(/^add column (if not exists )?/, ''))
      .filter(isOpen)
      .map((definition) => `${table}.${definition.split(' ')[0]}`),
  )
}

function tableBodies(text: string): { table: string; items: string[] }[] {
  return [...text.matchAll(/create (?:unlogged )?table (?:if not exists )?(\S+) ?\(/g)].map((match) => ({
    table: match[1] ?? '',
    items: itemsOf(text.slice(match.index + match[0].length)),
  }))
}

/** Splits at commas outside brackets, up to the bracket that closes the list. */
function itemsOf(text: string): string[] {
  const items = ['']
  let depth = 0
  for (const character of text) {
    if (character === '(') depth++
    if (character === ')' && --depth < 0) break
    if (character === ',' && depth === 0) items.push('')
    else items[items.length - 1] += character
  }
  return items.map((item) => item.trim())
}
