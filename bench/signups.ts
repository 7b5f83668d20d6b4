// Signups on a running Loomworks, embedded or distributed: how long the client waits for the last answer, against the floor of the same
// adapters, and what many at once cost.
import { randomUUID } from 'node:crypto'
import { PersonClient } from '@loomworks/testing'
import { type Figure, percentile } from './benchmark.ts'
import type { Floor } from './floor.ts'

export interface Stand {
  /** Begins the name of each figure. */
  readonly name: string
  readonly url: string
  readonly floor: Floor
  /** Has the role that grants credit. */
  readonly admin: PersonClient
  /** CPU milliseconds so far of everything that serves, by part; the client is no part of it. */
  cpuMs(): Readonly<Record<string, number>>
}

const GOAL_RATIO = 2.5
const GOAL_CPU_MS = 10
const GOAL_RATE = 150
const PARALLEL = 16
const WARM_UP = 5
/** Where a commit takes no longer than this, times have goals of their own. */
const QUICK_COMMIT_MS = 0.25
const GOALS_MS = { p50: 10, p99: 40, claiming: 16 } as const

/** One signup at a time, turn by turn with one that claims credit, with the floor and with a commit. */
export async function latencies(stand: Stand, turns: number): Promise<readonly Figure[]> {
  const { url, floor } = stand
  const works = [() => signUpMs(url), () => claimingMs(stand), () => msOf(() => floor.once()), () => msOf(() => floor.commit())]
  const took: number[][] = works.map(() => [])
  for (let turn = 0; turn < turns + WARM_UP; turn++) {
    for (const [index, work] of works.entries()) {
      const ms = await work()
      if (turn >= WARM_UP) took[index]?.push(ms)
    }
  }
  const [signups = [], claiming = [], floors = [], commits = []] = took
  const commit = percentile(commits, 0.5)
  return [
    againstFloor(stand.name, percentile(signups, 0.5), percentile(floors, 0.5)),
    timed(`${stand.name}, p50 of the last call`, percentile(signups, 0.5), { goalMs: GOALS_MS.p50, commit }),
    timed(`${stand.name}, p99 of the last call`, percentile(signups, 0.99), { goalMs: GOALS_MS.p99, commit }),
    timed(`${stand.name} with a claim, p50`, percentile(claiming, 0.5), { goalMs: GOALS_MS.claiming, commit }),
  ]
}

function againstFloor(name: string, value: number, yardstick: number): Figure {
  const ratio = value / yardstick
  return { bench: `${name} : floor`, value, unit: 'ms', yardstick, ratio, goal: `≤ ${GOAL_RATIO}`, ok: ratio <= GOAL_RATIO }
}

function timed(bench: string, value: number, { goalMs, commit }: { readonly goalMs: number; readonly commit: number }): Figure {
  const against = { bench, value, unit: 'ms', yardstick: commit, ratio: value / commit }
  // On a slower disk the floor alone says something.
  return commit > QUICK_COMMIT_MS ? { ...against, goal: '', ok: true } : { ...against, goal: `≤ ${goalMs} ms`, ok: value <= goalMs }
}

/** Many at once, each beginning the next when one is through, for so long. */
export async function throughput({ name, url, cpuMs }: Stand, seconds: number): Promise<readonly Figure[]> {
  const before = cpuMs()
  const began = performance.now()
  const end = began + seconds * 1000
  let count = 0
  const lane = async () => {
    while (performance.now() < end) {
      await signUpMs(url)
      count += 1
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, lane))
  const rate = (count / (performance.now() - began)) * 1000
  const parts = Object.entries(cpuMs()).map(([part, spent]) => [part, (spent - (before[part] ?? 0)) / count] as const)
  const cpu = parts.reduce((sum, [, spent]) => sum + spent, 0)
  return [
    { bench: `${name}s, ${PARALLEL} at once`, value: rate, unit: '/s', goal: `≥ ${GOAL_RATE}`, ok: rate >= GOAL_RATE },
    { bench: `${name}, CPU with all servers`, value: cpu, unit: 'ms', goal: `≤ ${GOAL_CPU_MS}`, ok: cpu <= GOAL_CPU_MS },
    ...(parts.length > 1 ? parts : []).map(([part, value]) => ({ bench: `${name}, CPU of ${part}`, value, unit: 'ms', goal: '', ok: true })),
  ]
}

/** How long the last of the three calls takes: the saga runs in it. */
async function signUpMs(url: string): Promise<number> {
  const { lastCallMs } = await new PersonClient(url).signUpTimed({ email: newAddress(), displayName: 'Bench' })
  return lastCallMs
}

async function claimingMs({ url, admin }: Stand): Promise<number> {
  const email = newAddress()
  const grant = { grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000', recipient_email: email }
  const { claim_token: claimToken } = await admin.expect(201, 'POST', '/admin/grants', grant)
  const { lastCallMs } = await new PersonClient(url).signUpTimed({ email, displayName: 'Bench', claimToken })
  return lastCallMs
}

/** Somebody who has signed up, and may be made an administrator. */
export async function newAdmin(url: string): Promise<{ readonly admin: PersonClient; readonly email: string }> {
  const [admin, email] = [new PersonClient(url), newAddress()]
  await admin.signUp({ email, displayName: 'Bench' })
  return { admin, email }
}

function newAddress(): string {
  return `${randomUUID()}@example.org`
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
