// What the operations declare against what they answered while the tests ran (libs/testing/src/answers-seen.ts). Each success and each refusal
// of an operation's own is given in some test, and none answers what it does not declare.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Operation, refusalsOf, shared } from '@loomworks/service-kit'

type Declared = Pick<Operation, 'id' | 'replies' | 'refuses' | 'authz' | 'params' | 'query' | 'body' | 'limits'>

export interface Difference {
  /** `<operation> <status> <code>`; the code of a success is `-`. */
  readonly neverAnswered: readonly string[]
  readonly neverDeclared: readonly string[]
}

/** Compares; an operation that is none of these is a test's own and says nothing. */
export function compared(operations: readonly Declared[], answered: ReadonlySet<string>): Difference {
  const ids = new Set(operations.map(({ id }) => id))
  const mayAnswer = new Set(operations.flatMap((each) => linesOf(each, [...refusalsOf(each), shared.internal_token_invalid])))
  return {
    neverAnswered: operations.flatMap((each) => linesOf(each, each.refuses)).filter((line) => !answered.has(line)),
    neverDeclared: [...answered].filter((line) => ids.has(line.split(' ', 1)[0] ?? '') && !mayAnswer.has(line)).sort(),
  }
}

function linesOf({ id, replies }: Declared, refusals: Declared['refuses']): readonly string[] {
  return [...Object.keys(replies).map((status) => `${id} ${status} -`), ...refusals.map(({ code, entry }) => `${id} ${entry.status} ${code}`)]
}

/** What was noted in a folder, by all processes that noted there. */
export function answersIn(folder: string): ReadonlySet<string> {
  return new Set(readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n')))
}
