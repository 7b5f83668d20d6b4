// npm run chaos: real processes, real servers, faults; exit code 1 when an invariant was broken.
//
//   npm run chaos                                60 seconds of it
//   npm run chaos -- --runs 200 --seed 17        seeds 17 to 216, whatever they take
//   npm run chaos -- --runs 50 --instances 2     two instances of each service
//   npm run chaos -- --runs 50 --plant early-ack a bug is planted, and must be found: exit code 1 when it is not
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { natsServerProgram } from '@loomworks/testing'
import { leaks, type Run, runsOf } from './run.ts'
import { Stage } from './stage.ts'

const SMOKE_MS = 60_000
const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, instances: { type: 'string', default: '1' }, plant: { type: 'string' } },
})
const nats = natsServerProgram()
if (nats === undefined) {
  console.error('There is no nats-server: put one of version 2.10 or newer on the PATH, or name it with NATS_SERVER.')
  process.exit(2)
}
if (values.plant !== undefined && values.plant !== 'early-ack') {
  console.error(`There is no bug ${values.plant} to plant: name early-ack.`)
  process.exit(2)
}

const first = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
const runs = values.runs === undefined ? Number.POSITIVE_INFINITY : Number(values.runs)
const planted = join(import.meta.dirname, 'planted.ts')
console.log(`chaos from seed ${first}: ${values.runs ?? `${SMOKE_MS / 1000} s of`} runs, ${values.instances} instance(s) of each service`)

let done = 0
let signups = 0
let slowest = 0
let broken = 0
{
  await using stage = await Stage.open({
    nats,
    instances: Number(values.instances),
    ...(values.plant !== undefined && {
      scriptOf: (service) => (service === 'companion' ? planted : join(import.meta.dirname, '..', '..', 'dev', 'service.ts')),
    }),
  })
  const end = values.runs === undefined ? performance.now() + SMOKE_MS : Number.POSITIVE_INFINITY
  for await (const run of runsOf(stage, { first, runs })) {
    tell(run)
    if (performance.now() > end || (values.plant !== undefined && broken > 0)) break
  }
  const leaked = await leaks(stage)
  for (const each of leaked) console.log(`  ${each}`)
  broken += leaked.length
  if (values.plant === undefined) await replayAll(stage)
}

function tell({ seed, plan, signups: people, settledMs, violations }: Run): void {
  done += 1
  signups += people
  slowest = Math.max(slowest, settledMs)
  broken += violations.length
  console.log(`run ${done} seed ${seed}: ${plan.map(({ kind }) => kind).join(', ')}; ${people} signups, settled in ${settledMs} ms`)
  if (violations.length === 0) return
  console.log(`  the plan: ${JSON.stringify(plan)}`)
  for (const violation of violations) console.log(`  VIOLATION ${violation}`)
  console.log(`  again: npm run chaos -- --runs 1 --seed ${seed} --instances ${values.instances}`)
}

/** Every saga of all runs, through the decision once more. */
async function replayAll(stage: Stage): Promise<void> {
  const [url = ''] = stage.deployment.urls
  const said = await stage.deployment
    .loom('saga', 'replay', '--all', '--url', url, '--token', stage.deployment.operatorToken)
    .catch((error: Error & { stdout?: string }) => {
      broken += 1
      return `${error.stdout ?? ''}${error.message}`
    })
  console.log(said.trim())
}

console.log(`${done} runs, ${signups} signups, ${broken} violations; slowest end ${slowest} ms after the last restart`)
const found = broken > 0
process.exitCode = found === (values.plant !== undefined) ? 0 : 1
