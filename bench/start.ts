import type { Benchmark } from './benchmark.ts'
import { freshHome, removeHome, startInstance } from './instance.ts'

const COLD_MS = 20_000
const WARM_MS = 2000
const PSS_MB = 400

/** `npm start` on a fresh home and again on the same one; packages are installed, the page cache is warm. */
export const start: Benchmark = {
  name: 'start',
  async run({ quick }) {
    const home = freshHome()
    const cold = await startedMs(home)
    const warms: number[] = []
    for (let turn = 0; turn < (quick ? 1 : 3); turn++) warms.push(await startedMs(home))
    const warm = Math.min(...warms)
    const memory = await pss(home)
    removeHome(home)
    return [
      { bench: 'start on a fresh home', value: cold, unit: 'ms', goal: `≤ ${COLD_MS}`, ok: cold <= COLD_MS },
      { bench: 'start on the same home', value: warm, unit: 'ms', goal: `≤ ${WARM_MS}`, ok: warm <= WARM_MS },
      { bench: 'memory of all processes', value: memory, unit: 'MB PSS', goal: `≤ ${PSS_MB}`, ok: memory <= PSS_MB },
    ]
  },
}

async function startedMs(home: string): Promise<number> {
  await using instance = await startInstance(home)
  return instance.startMs
}

async function pss(home: string): Promise<number> {
  await using instance = await startInstance(home)
  return instance.pssMb()
}
