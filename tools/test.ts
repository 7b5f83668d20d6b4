// npm test: the unit suite, then the integration suite on one real PostgreSQL. The last line counts both.
//
//   npm test                            everything
//   npm test -- --unit                  without PostgreSQL, a few seconds
//   npm test -- --integration saga -u   what follows goes to vitest
import { parseCLI, startVitest, type TestCase, type TestModule, type Vitest } from 'vitest/node'
import { type Count, lineOf, sumOf } from './count.ts'

interface Suite {
  readonly name: string
  readonly count: Count
  readonly seconds: number
  readonly skipped: readonly string[]
}

const SUITES = ['unit', 'integration']

const args = process.argv.slice(2)
const asked = SUITES.filter((name) => args.includes(`--${name}`))
const rest = args.filter((arg) => !SUITES.includes(arg.replace(/^--/, '')))

const suites: Suite[] = []
for (const name of asked.length > 0 ? asked : SUITES) suites.push(await run(name))
report(suites)

async function run(name: string): Promise<Suite> {
  const { filter, options } = parseCLI(['vitest', 'run', ...rest])
  const began = performance.now()
  const vitest = await startVitest('test', filter, { ...options, watch: false, project: [name], passWithNoTests: true })
  const suite = { name, ...resultsOf(vitest), seconds: (performance.now() - began) / 1000 }
  await vitest.close()
  return suite
}

function resultsOf(vitest: Vitest): Pick<Suite, 'count' | 'skipped'> {
  const modules = vitest.state.getTestModules()
  const cases = modules.flatMap((module) => [...module.children.allTests()])
  const skipped = cases.filter((each) => each.result().state === 'skipped')
  const failed = cases.filter((each) => each.result().state === 'failed').length
  // A file that did not load, and an error outside any test, have no test of their own to fail.
  const broken = modules.filter(isBroken).length + vitest.state.getUnhandledErrors().length
  return {
    count: { passed: cases.length - skipped.length - failed, failed: failed + broken, skipped: skipped.length },
    skipped: skipped.map(reasonOf),
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

function report(results: readonly Suite[]): void {
  const skipped = results.flatMap((suite) => suite.skipped)
  if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((each) => `  ${each}`).join('\n')}`)
  console.log('')
  for (const { name, count, seconds } of results) console.log(`${name}: ${lineOf(count)} in ${seconds.toFixed(1)} s`)
  const total = sumOf(results.map(({ count }) => count))
  console.log(lineOf(total))
  process.exit(total.failed === 0 ? 0 : 1)
}
