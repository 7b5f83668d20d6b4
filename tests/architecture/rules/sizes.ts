import { type Node, parseSync } from '@swc/core'
import { type Finding, isCode, type Tree } from '../tree.ts'

const LONGEST_FILE = 400
const LONGEST_FUNCTION = 70
const LONGEST_LIB_README = 40
const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'MethodProperty',
  'Constructor',
])
// The list of cases in a suite is a table of contents; each case is measured by itself.
const SUITES = new Set(['describe', 'test', 'it'])

export function sizes(tree: Tree): Finding[] {
  const code = tree.paths.filter(isCode)
  return [...code.flatMap((path) => longFile(path, tree.read(path))), ...code.flatMap((path) => longFunctions(path, tree.read(path))), ...readmes(tree)]
}

function longFile(path: string, text: string): Finding[] {
  const lines = text.split('\n').length - 1
  return lines > LONGEST_FILE ? [`${path} has ${lines} lines: split it below ${LONGEST_FILE} by what its parts know`] : []
}

function longFunctions(path: string, text: string): Finding[] {
  const bytes = Buffer.from(text)
  const lineOf = (offset: number) =>
    bytes
      .subarray(0, offset - 1)
      .toString('latin1')
      .split('\n').length
  return functionsIn(parseSync(text, { syntax: 'typescript', target: 'es2024' }))
    .map(({ node, cases }) => ({ line: lineOf(node.span.start), lines: linesOf(node, lineOf) - cases.reduce((sum, each) => sum + linesOf(each, lineOf), 0) }))
    .filter(({ lines }) => lines > LONGEST_FUNCTION)
    .map(({ line, lines }) => `${path}:${line} has a function of ${lines} lines: keep the control flow and move leaves out, at most ${LONGEST_FUNCTION}`)
}

interface Spanned extends Node {
  readonly span: { readonly start: number; readonly end: number }
}

interface Measured {
  readonly node: Spanned
  /** The callbacks of suites and tests inside, which are measured on their own. */
  readonly cases: readonly Spanned[]
}

function functionsIn(root: Node): Measured[] {
  const found: { node: Spanned; cases: Spanned[] }[] = []
  const visit = (value: unknown, enclosing: Spanned[] | undefined): void => {
    if (typeof value !== 'object' || value === null) return
    // Arguments and lists stand between nodes without being one.
    const node = isNode(value) ? value : undefined
    const measured = node && FUNCTIONS.has(node.type) ? { node, cases: [] as Spanned[] } : undefined
    if (measured) found.push(measured)
    if (node) enclosing?.push(...caseCallbacks(node))
    const inside = measured?.cases ?? (node && isCaseCall(node) ? undefined : enclosing)
    for (const child of Object.values(value)) visit(child, inside)
  }
  visit(root, undefined)
  return found
}

function isNode(value: object): value is Spanned {
  return 'type' in value && 'span' in value
}

/** Only the outermost callbacks count, or the lines of inner ones would be taken off twice. */
function caseCallbacks(node: Spanned): Spanned[] {
  if (!isCaseCall(node)) return []
  const { arguments: args } = node as unknown as { arguments: { expression: Spanned }[] }
  return args.map(({ expression }) => expression).filter(({ type }) => FUNCTIONS.has(type))
}

function isCaseCall(node: Spanned): boolean {
  return node.type === 'CallExpression' && SUITES.has(firstName((node as unknown as { callee: CalleeNode }).callee))
}

interface CalleeNode {
  readonly type: string
  readonly value?: string
  readonly object?: CalleeNode
  readonly callee?: CalleeNode
}

/** `describe`, `test.skipIf(x)` and `it.each(table)` all begin with the name of a suite. */
function firstName({ value, object, callee }: CalleeNode): string {
  const inner = object ?? callee
  return inner === undefined ? (value ?? '') : firstName(inner)
}

function linesOf({ span }: Spanned, lineOf: (offset: number) => number): number {
  return lineOf(span.end) - lineOf(span.start) + 1
}

function readmes(tree: Tree): Finding[] {
  const packages = tree.paths.filter((path) => /^(libs|services)\/[^/]+\/package\.json$/.test(path)).map((path) => path.replace('/package.json', ''))
  return packages.flatMap((name) => {
    const readme = `${name}/README.md`
    if (!tree.paths.includes(readme)) return [`${name} has no README.md: say what it owns, how to run it and how to test it`]
    const lines = tree.read(readme).trimEnd().split('\n').length
    return name.startsWith('libs/') && lines > LONGEST_LIB_README ? [`${readme} has ${lines} lines: a library explains itself in ${LONGEST_LIB_README}`] : []
  })
}
