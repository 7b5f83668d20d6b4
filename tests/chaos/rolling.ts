// A rolling restart under load: two instances of each service, told to stop and started again one after the other while people sign up.
// Whoever was told 200 or 202 must get to the end; who was told to come again, by more than the machine can take, must leave nothing.
import { setTimeout as delay } from 'node:timers/promises'
import { expectWhole, type Newcomer, newcomer, signUp } from './people.ts'
import type { Stage } from './stage.ts'

export interface Rolled {
  /** Signups a second, as many as it takes. */
  readonly capacity: number
  readonly rate: number
  readonly begun: number
  readonly accepted: number
  readonly told: number
  /** Answers that said "not now", and connections that broke, before somebody was told. */
  readonly triedAgain: number
  readonly restarts: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly wrong: readonly string[]
}

const LANES = 16
const WARM_MS = 10_000
const MEASURED_MS = 10_000
const ENDS_WITHIN_MS = 30_000

export async function rolling(stage: Stage, url: string, { seconds, atLeast }: { readonly seconds: number; readonly atLeast: number }): Promise<Rolled> {
  const capacity = await capacityOf(url)
  const rate = Math.max(atLeast, capacity / 2)
  const over = new AbortController()
  const people: Newcomer[] = []
  const work: Promise<void>[] = []
  const took: number[] = []
  const wrong: string[] = []
  const restarting = restartAll(stage, over.signal)
  const end = performance.now() + seconds * 1000
  for (let due = performance.now(); due < end; due += 1000 / rate) {
    await delay(Math.max(0, due - performance.now()))
    const person = newcomer()
    people.push(person)
    const began = performance.now()
    work.push(
      signUp(url, person, over.signal).then(
        () => void took.push(performance.now() - began),
        (error: Error) => void wrong.push(error.message),
      ),
    )
  }
  const restarts = await restarting
  await Promise.race([Promise.all(work), delay(ENDS_WITHIN_MS)])
  over.abort()
  await Promise.all(work)
  const accepted = people.filter((person) => person.accepted)
  await Promise.all(accepted.map((person) => expectWhole(url, person).catch((error: Error) => void wrong.push(error.message))))
  const told = people.filter((person) => person.told).length
  const sorted = took.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0)
  const triedAgain = people.reduce((sum, person) => sum + person.triedAgain, 0)
  if (told === 0) wrong.push('nobody was told')
  return {
    capacity: Math.round(capacity),
    rate: Math.round(rate),
    begun: people.length,
    accepted: accepted.length,
    told,
    triedAgain,
    restarts,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    wrong,
  }
}

/** As many as there are in lanes that never wait, once the code is warm. */
async function capacityOf(url: string): Promise<number> {
  await doneIn(url, WARM_MS)
  return (await doneIn(url, MEASURED_MS)) / (MEASURED_MS / 1000)
}

async function doneIn(url: string, ms: number): Promise<number> {
  const over = AbortSignal.timeout(ms)
  let done = 0
  const lane = async () => {
    while (!over.aborted) {
      const person = newcomer()
      await signUp(url, person, over)
      if (person.told && !over.aborted) done += 1
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return done
}

/** One instance at a time, all of them. */
async function restartAll(stage: Stage, over: AbortSignal): Promise<number> {
  let restarts = 0
  for (const process of stage.deployment.processes) {
    if (over.aborted) break
    const code = await process.kill('SIGTERM')
    if (code !== 0) throw new Error(`${process.name} ended with ${code}`)
    process.start()
    await process.ready()
    restarts += 1
  }
  return restarts
}
