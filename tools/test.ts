// npm test: the unit suite, then the integration suite on one real PostgreSQL. The last line counts both.
//
// Files that failed, where they are few, are run once more by themselves: a machine that others use can be too slow for a deadline. What
// passes only then is counted as passed and named as such, so that it is seen.
//
// Where everything ran, one more test compares what was answered with what the operations declare: tools/answers.ts.
//
//   npm test                            everything
//   npm test -- --unit                  without PostgreSQL, a few seconds
//   npm test -- --integration saga -u   what follows goes to vitest
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCLI, startVitest, type TestCase, type TestModule } from 'vitest/node'
import { answersIn, compared, type Difference } from './answers.ts'
import { type Count, lineOf, sumOf } from './count.ts'

interface Suite extends Outcome {
  readonly name: string
  readonly seconds: number
  readonly passedLate: readonly string[]
}

interface Outcome {
  readonly count: Count
  readonly skipped: readonly string[]
  readonly failed: readonly string[]
  /** Files that hold what failed; none where an error belongs to no file. */
  readonly failedFiles: readonly string[]
}

const SUITES = ['unit', 'integration']
const RUN_AGAIN_MAX = 3

const args = process.argv.slice(2)
const asked = SUITES.filter((name) => args.includes(`--${name}`))
const rest = args.filter((arg) => !SUITES.includes(arg.replace(/^--/, '')))

const answersSeen = args.length === 0 ? mkdtempSync(join(tmpdir(), 'loomworks-answers-')) : undefined
if (answersSeen !== undefined) process.env.ANSWERS_SEEN = answersSeen

const suites: Suite[] = []
for (const name of asked.length > 0 ? asked : SUITES) suites.push(await run(name))
if (answersSeen !== undefined) suites.push(await compareAnswers(answersSeen))
report(suites)

async function run(name: string): Promise<Suite> {
  const { filter, options } = parseCLI(['vitest', 'run', ...rest])
  const runFiles = async (files: readonly string[]) => {
    const vitest = await startVitest('test', [...files], { ...options, watch: false, project: [name], passWithNoTests: true })
    const modules = vitest.state.getTestModules()
    const strays = vitest.state.getUnhandledErrors().length
    await vitest.close()
    return { modules, strays }
  }
  const began = performance.now()
  const first = await runFiles(filter)
  const outcome = outcomeOf(first.modules, first.strays)
  const again = outcome.failedFiles.length > 0 && outcome.failedFiles.length <= RUN_AGAIN_MAX ? await runFiles(outcome.failedFiles) : undefined
  const rerun = new Map(again?.modules.map((module) => [module.moduleId, module]))
  const last = outcomeOf(
    first.modules.map((module) => rerun.get(module.moduleId) ?? module),
    again?.strays ?? first.strays,
  )
  return { name, ...last, passedLate: outcome.failed.filter((each) => !last.failed.includes(each)), seconds: (performance.now() - began) / 1000 }
}

/** A suite of one test. Declares nothing of its own: it reads what all services declare, which takes a while to load. */
async function compareAnswers(folder: string): Promise<Suite> {
  const began = performance.now()
  const { SERVICES } = await import('../dev/services.ts')
  const difference = compared(
    SERVICES.flatMap(({ operations }) => operations),
    answersIn(folder),
  )
  rmSync(folder, { recursive: true })
  const failed = causesOf(difference)
  const count = { passed: failed.length === 0 ? 1 : 0, failed: failed.length === 0 ? 0 : 1, skipped: 0 }
  return { name: 'answers', count, skipped: [], failed, failedFiles: [], passedLate: [], seconds: (performance.now() - began) / 1000 }
}

function causesOf({ neverAnswered, neverDeclared }: Difference): readonly string[] {
  list('Declared and never answered', neverAnswered)
  list('Answered and never declared', neverDeclared)
  return neverAnswered.length + neverDeclared.length > 0 ? ['every answer that an operation declares was given, and no other'] : []
}

function outcomeOf(modules: readonly TestModule[], strays: number): Outcome {
  const cases = modules.flatMap((module) => [...module.children.allTests()])
  const skipped = cases.filter((each) => each.result().state === 'skipped')
  const failed = cases.filter((each) => each.result().state === 'failed')
  // A file that did not load, and an error outside any test, have no test of their own to fail.
  const broken = modules.filter(isBroken)
  const files = new Set([...failed.map(({ module }) => module.moduleId), ...broken.map(({ moduleId }) => moduleId)])
  return {
    count: { passed: cases.length - skipped.length - failed.length, failed: failed.length + broken.length + strays, skipped: skipped.length },
    skipped: skipped.map(reasonOf),
    failed: [...failed.map(causeOf), ...broken.map(({ relativeModuleId }) => relativeModuleId), ...(strays > 0 ? [`${strays} errors outside any test`] : [])],
    failedFiles: strays > 0 ? [] : [...files],
  }
}

function isBroken(module: TestModule): boolean {
  return module.errors().length > 0 || [...module.children.allSuites()].some((suite) => suite.errors().length > 0)
}

function reasonOf(test: TestCase): string {
  const result = test.result()
  const note = result.state === 'skipped' ? result.note : undefined
  return `${test.module.relativeModuleId} › ${test.fullName}${note === undefined ? '' : `: ${note}`}`
}

function causeOf(test: TestCase): string {
  const message = test.result().errors?.[0]?.message.split('\n', 1)[0] ?? ''
  return `${test.module.relativeModuleId} › ${test.fullName}: ${message.slice(0, 300)}`
}

function report(results: readonly Suite[]): void {
  list(
    'Skipped',
    results.flatMap(({ skipped }) => skipped),
  )
  list(
    'Passed only when run again',
    results.flatMap(({ passedLate }) => passedLate),
  )
  list(
    'Failed',
    results.flatMap(({ failed }) => failed),
  )
  console.log('')
  for (const { name, count, seconds } of results) console.log(`${name}: ${lineOf(count)} in ${seconds.toFixed(1)} s`)
  const total = sumOf(results.map(({ count }) => count))
  console.log(lineOf(total))
  process.exit(total.failed === 0 ? 0 : 1)
}

function list(title: string, lines: readonly string[]): void {
  if (lines.length > 0) console.log(`\n${title}:\n${lines.map((each) => `  ${each}`).join('\n')}`)
}
