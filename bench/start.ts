import { type Benchmark, percentile } from './benchmark.ts'
import { freshHome, removeHome, startInstance } from './instance.ts'

const COLD_MS = 20_000
const WARM_MS = 2000
const PSS_MB = 400

/** `npm start` on a fresh home and again on the same one; packages are installed, the page cache is warm. */
export const start: Benchmark = {
  name: 'start',
  async run({ quick }) {
    const home = freshHome()
    const cold = await started(home)
    const warms: Started[] = []
    for (let turn = 0; turn < (quick ? 1 : 3); turn++) warms.push(await started(home))
    removeHome(home)
    const warm = Math.min(...warms.map(({ startMs }) => startMs))
    const memory = percentile(
      warms.map(({ pssMb }) => pssMb),
      0.5,
    )
    return [
      { bench: 'start on a fresh home', value: cold.startMs, unit: 'ms', goal: `≤ ${COLD_MS}`, ok: cold.startMs <= COLD_MS },
      { bench: 'start on the same home', value: warm, unit: 'ms', goal: `≤ ${WARM_MS}`, ok: warm <= WARM_MS },
      { bench: 'memory of all processes', value: memory, unit: 'MB PSS', goal: `≤ ${PSS_MB}`, ok: memory <= PSS_MB },
    ]
  },
}

interface Started {
  readonly startMs: number
  readonly pssMb: number
}

async function started(home: string): Promise<Started> {
  await using instance = await startInstance(home)
  return { startMs: instance.startMs, pssMb: instance.pssMb() }
}
