// How long it takes until everything has ended that was under way when a process was killed.
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, one, raw } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { z } from 'zod'
import { newcomer, signUp } from '../tests/chaos/people.ts'
import type { Stage } from '../tests/chaos/stage.ts'
import type { Figure } from './benchmark.ts'

const GOAL_MS = 5000
const AT_ONCE = 4
const WARM_UP_MS = 1000
const GIVEN_UP_MS = 60_000

interface Victim {
  readonly name: string
  kill(): Promise<unknown>
  /** Resolves when it is ready again. */
  restart(): Promise<unknown>
}

/** Each process in turn is killed while people sign up: the services, then the engines. */
export async function recoveries(stage: Stage, db: Database, { most }: { readonly most: number | undefined }): Promise<readonly Figure[]> {
  const [url = ''] = stage.deployment.urls
  const took: (readonly [name: string, ms: number])[] = []
  for (const victim of victimsOf(stage).slice(0, most)) took.push([victim.name, await recoveryMs(victim, url, db)])
  return took.map(([name, value]) => ({ bench: `recovery, ${name} killed`, value, unit: 'ms', goal: `≤ ${GOAL_MS}`, ok: value <= GOAL_MS }))
}

function victimsOf({ deployment, engines }: Stage): readonly Victim[] {
  const services = deployment.processes.map((process) => ({
    name: process.service,
    kill: () => process.kill('SIGKILL'),
    restart: () => {
      process.start()
      return process.ready()
    },
  }))
  const servers = [...engines].map(([name, engine]) => ({ name, kill: () => engine.kill(), restart: () => engine.mend() }))
  return [...services, ...servers]
}

/** From the moment the process is ready again. Nobody begins anything after the kill, so what ends then was under way. */
async function recoveryMs(victim: Victim, url: string, db: Database): Promise<number> {
  const over = new AbortController()
  const lane = async () => {
    while (!over.signal.aborted) await signUp(url, newcomer(), over.signal)
  }
  const lanes = Promise.allSettled(Array.from({ length: AT_ONCE }, lane))
  await delay(WARM_UP_MS)
  await eventually(async () => {
    if ((await open(db)) === 0) throw new Error('nothing is under way')
  })
  await victim.kill()
  over.abort()
  await victim.restart()
  const began = performance.now()
  await eventually(async () => {
    const left = await open(db)
    if (left > 0) throw new Error(`${left} sagas are still open ${GIVEN_UP_MS} ms after ${victim.name} was ready again`)
  }, GIVEN_UP_MS)
  const ms = performance.now() - began
  const wrong = (await lanes).find((lane) => lane.status === 'rejected')
  if (wrong !== undefined) throw wrong.reason
  return ms
}

const Open = z.object({ open: z.coerce.number() })

/** Sagas that have not ended, and those that have not begun yet although they were asked for. */
async function open(db: Database): Promise<number> {
  const { open } = await one(
    db,
    Open,
    raw(`select (select count(*) from identity.saga_open where state not in ('completed', 'aborted'))
              + (select count(*) from identity.pending_registrations where state = 'submitted') as open`),
  )
  return open
}
