import { type Finding, isCode, lineAt, type Tree } from '../tree.ts'

const CATALOGUE = /refusals\(\s*'(\w*)',\s*\{([\s\S]*?)\n\}\)/g
const ENTRY = /^ {2}(\w+): /gm
// A shared code is written out, because it does not begin with the area of its catalogue.
const OWN_CODE = /'([a-z]+\.[a-z_]+)'/g
// A code that a test or a caller expects by its text; type checking covers every other use.
const EXPECTED = /\.refuses\('([\w.]+)'|code(?:: | === )'([a-z]+\.[a-z_]+)'/g

/** A code that is named anywhere in the code is an entry of some catalogue. */
export function errorCodes(tree: Tree): Finding[] {
  const code = tree.paths.filter((path) => isCode(path) && !path.startsWith('tests/architecture/'))
  const known = new Set(code.flatMap((path) => codesOf(tree.read(path))))
  const areas = new Set([...known].map((each) => each.split('.')[0]))
  return code.flatMap((path) => {
    const text = tree.read(path)
    return [...text.matchAll(EXPECTED)]
      .map((match) => ({ match, name: match[1] ?? match[2] ?? '' }))
      .filter(({ name }) => areas.has(name.split('.')[0]) && !known.has(name))
      .map(({ match, name }) => `${path}:${lineAt(text, match.index)} names the error code ${name}: add it to the errors.ts of its service`)
  })
}

function codesOf(text: string): string[] {
  return [...text.matchAll(CATALOGUE)].flatMap(([, area = '', body = '']) => {
    const names = [...body.matchAll(ENTRY)].map((match) => `${area}.${match[1]}`)
    return [...names, ...[...body.matchAll(OWN_CODE)].map((match) => match[1] ?? '')]
  })
}
