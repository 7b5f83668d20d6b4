// npm run bench                 all of them
// npm run bench -- append audit some of them, by name
// npm run bench -- --quick      short rounds, not kept
import { execFileSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Figure } from './benchmark.ts'
import { BENCHMARKS } from './index.ts'

const args = process.argv.slice(2)
const quick = args.includes('--quick')
const names = args.filter((arg) => !arg.startsWith('--'))
const chosen = BENCHMARKS.filter(({ name }) => names.length === 0 || names.includes(name))
const figures: Figure[] = []
for (const benchmark of chosen) {
  const lacking = benchmark.lacks?.()
  if (lacking !== undefined) console.log(`${benchmark.name}: skipped, ${lacking}`)
  if (lacking !== undefined) continue
  const found = await benchmark.run({ quick })
  for (const figure of found) console.log(lineOf(figure))
  figures.push(...found)
  if (!quick) keep(found)
}
const missed = figures.filter(({ ok }) => !ok)
console.log(missed.length === 0 ? '\nEvery goal is met.' : `\nMissed: ${missed.map(({ bench }) => bench).join(', ')}.`)

function lineOf({ bench, value, unit, yardstick, ratio, goal, ok }: Figure): string {
  const against = yardstick === undefined ? '' : `${yardstick.toFixed(1)} ${unit}`.padStart(22)
  return [
    bench.padEnd(42),
    `${value.toFixed(1)} ${unit}`.padStart(22),
    against,
    (ratio?.toFixed(2) ?? '').padStart(7),
    goal.padStart(10),
    ok ? '' : '  missed',
  ].join('')
}

/** One line each: what, when, on which commit and machine. A figure is only as good as the run it came from. */
function keep(found: readonly Figure[]): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  const machine = { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length }
  const at = new Date().toISOString()
  for (const figure of found) appendFileSync(join(import.meta.dirname, 'history.jsonl'), `${JSON.stringify({ at, commit, ...rounded(figure), ...machine })}\n`)
}

function rounded({ value, yardstick, ratio, ...rest }: Figure) {
  const round = (number: number) => Number(number.toPrecision(4))
  return { ...rest, value: round(value), ...(yardstick !== undefined && { yardstick: round(yardstick) }), ...(ratio !== undefined && { ratio: round(ratio) }) }
}
