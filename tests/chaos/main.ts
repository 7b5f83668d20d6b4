// npm run chaos: real processes, real servers, faults; exit code 1 when an invariant was broken.
//
//   npm run chaos                                60 seconds of it
//   npm run chaos -- --runs 200 --seed 17        seeds 17 to 216, whatever they take
//   npm run chaos -- --runs 50 --instances 2     two instances of each service
//   npm run chaos -- --rolling 60                a rolling restart under 60 s of load, two instances of each service
//   npm run chaos -- --runs 50 --plant early-ack a bug is planted, and must be found: exit code 1 when it is not
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ServiceName } from '@loomworks/kernel'
import { natsServerProgram } from '@loomworks/testing'
import { repository } from '../architecture/tree.ts'
import { Balancer } from '../balancer.ts'
import { historyViolations } from '../invariants/check.ts'
import { rolling } from './rolling.ts'
import { followed, leaks, type Run, runsOf } from './run.ts'
import { Stage } from './stage.ts'

const SMOKE_MS = 60_000
const LEAST_RATE = 25
const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    instances: { type: 'string', default: '1' },
    rolling: { type: 'string' },
    plant: { type: 'string' },
  },
})
const nats = natsServerProgram() ?? refuse('There is no nats-server: put one of version 2.10 or newer on the PATH, or name it with NATS_SERVER.')
if (values.plant !== undefined && values.plant !== 'early-ack') refuse(`There is no bug ${values.plant} to plant: name early-ack.`)

let broken = 0
if (values.rolling === undefined) await chaos()
else await rolled(Number(values.rolling))
// With a planted bug the run that finds it is the one that succeeds.
process.exitCode = broken > 0 === (values.plant !== undefined) ? 0 : 1

function refuse(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

async function chaos(): Promise<void> {
  const first = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
  const runs = values.runs === undefined ? Number.POSITIVE_INFINITY : Number(values.runs)
  console.log(`chaos from seed ${first}: ${values.runs ?? `${SMOKE_MS / 1000} s of`} runs, ${values.instances} instance(s) of each service`)
  await using stage = await Stage.open({ nats, instances: Number(values.instances), ...(values.plant !== undefined && { scriptOf: planted }) })
  const end = values.runs === undefined ? performance.now() + SMOKE_MS : Number.POSITIVE_INFINITY
  const done: Run[] = []
  for await (const run of runsOf(stage, { first, runs })) {
    done.push(run)
    tell(run, done.length)
    if (performance.now() > end || (values.plant !== undefined && broken > 0)) break
  }
  if (values.plant === undefined) await closing(stage)
  const signups = done.reduce((sum, run) => sum + run.signups, 0)
  const slowest = Math.max(...done.map(({ settledMs }) => settledMs))
  console.log(`${done.length} runs, ${signups} signups, ${broken} violations; slowest end ${slowest} ms after the last restart`)
}

function planted(service: ServiceName): string {
  return service === 'companion' ? join(import.meta.dirname, 'planted.ts') : join(repository, 'dev', 'service.ts')
}

function tell({ seed, plan, signups, settledMs, violations }: Run, nth: number): void {
  broken += violations.length
  console.log(`run ${nth} seed ${seed}: ${plan.map(({ kind }) => kind).join(', ')}; ${signups} signups, settled in ${settledMs} ms`)
  if (violations.length === 0) return
  console.log(`  the plan: ${JSON.stringify(plan)}`)
  for (const violation of violations) console.log(`  VIOLATION ${violation}`)
  console.log(`  again: npm run chaos -- --runs 1 --seed ${seed} --instances ${values.instances}`)
}

/** What is looked at once, over everything that was written: S-INV-11, and every saga through the decision once more. */
async function closing(stage: Stage): Promise<void> {
  const leaked = await leaks(stage)
  for (const each of leaked) console.log(`VIOLATION ${each}`)
  broken += leaked.length
  const [url = ''] = stage.deployment.urls
  const said = await stage.deployment
    .loom('saga', 'replay', '--all', '--url', url, '--token', stage.deployment.operatorToken)
    .catch((error: Error & { readonly stdout?: string }) => {
      broken += 1
      return `VIOLATION ${error.stdout ?? ''}${error.message}`
    })
  console.log(said.trim())
}

async function rolled(seconds: number): Promise<void> {
  await using balancer = await Balancer.open()
  await using stage = await Stage.open({ nats, instances: 2, publicOrigin: balancer.url })
  balancer.targets = stage.deployment.urls.map((url) => Number(new URL(url).port))
  const { wrong, ...figures } = await rolling(stage, balancer.url, { seconds, atLeast: LEAST_RATE })
  console.log(JSON.stringify(figures))
  const { adminUrl } = stage.deployment
  const violations = [...wrong, ...(await followed(() => historyViolations({ adminUrl, eventStore: stage.eventStore })))]
  for (const violation of violations) console.log(`VIOLATION ${violation}`)
  broken += violations.length
  await closing(stage)
}
