// Runs of chaos on one stage. In each, people sign up while the faults of its plan fall; then everything is mended, every saga must end
// within five seconds, everybody must be whole, and the invariants S-INV-1 to S-INV-13 must hold of all that was written.
import { setTimeout as delay } from 'node:timers/promises'
import { eventually, PersonClient } from '@loomworks/testing'
import { Dice } from '../../libs/sagas/src/simulation/dice.ts'
import { historyViolations, noSecretsIn } from '../invariants/check.ts'
import { type Engine, type Fault, planOf } from './faults.ts'
import { inflict } from './inflict.ts'
import { expectWhole, grantsTo, type Newcomer, newcomer, signUp } from './people.ts'
import type { Stage } from './stage.ts'

export interface Run {
  readonly seed: number
  readonly plan: readonly Fault[]
  readonly signups: number
  /** From the moment everything runs again until no saga is open. */
  readonly settledMs: number
  readonly violations: readonly string[]
}

const AT_ONCE = 3
const MOST_PEOPLE_EACH = 8
/** Between two signups of one lane, so that they go on as long as the faults do. */
const PACE_MS = 150
/** What waits for a message has the time to meet one. */
const LEAST_MS = 1500
const SETTLES_WITHIN_MS = 5000
const GIVEN_UP_MS = 60_000
/** S-INV-9, S-INV-13. */
const FOLLOWS_WITHIN_MS = 60_000
const LOOKED_AT_EVERY_MS = 500
const OPEN = ['requested', 'running', 'committed', 'compensating']

/** Repeats: seed `first`, `first + 1`, … */
export async function* runsOf(stage: Stage, { first, runs }: { readonly first: number; readonly runs: number }): AsyncGenerator<Run> {
  const admin = await administrator(stage)
  for (let n = 0; n < runs; n++) yield await oneRun(stage, admin, (first + n) >>> 0)
}

async function administrator(stage: Stage): Promise<PersonClient> {
  const [url = ''] = stage.deployment.urls
  const admin = new PersonClient(url)
  await admin.signUp({ email: 'admin@example.org', displayName: 'Admin' })
  await stage.deployment.loom('admin', 'grant', 'admin@example.org')
  return admin
}

async function oneRun(stage: Stage, admin: PersonClient, seed: number): Promise<Run> {
  const [url = ''] = stage.deployment.urls
  const began = new Date()
  const plan = planOf(seed, [...stage.engines.keys()] satisfies Engine[])
  const dice = new Dice(seed ^ 0x5bd1e995)
  // Giving credit needs a proof that is not five minutes old.
  await admin.logIn()
  const people = await peopleOf(admin)
  const wrong: string[] = []
  const noted = (says: string) => (error: unknown) => void wrong.push(`${says}: ${error instanceof Error ? error.message : String(error)}`)
  const [enough, over] = [new AbortController(), new AbortController()]
  const begun: Newcomer[] = []
  const lanes = Promise.all(
    people.map((mine) => oneByOne(url, mine, { begun, enough: enough.signal, over: over.signal }).catch(noted('an answer nothing explains'))),
  )
  await Promise.all([delay(LEAST_MS), ...plan.map((fault) => inflict(stage, fault, (n) => dice.below(n)))])
  enough.abort()
  wrong.push(...(await stage.mend()))
  over.abort()
  await lanes
  const settledMs = await settled(stage, url).catch((error: unknown) => {
    noted('S-INV-9')(error)
    return GIVEN_UP_MS
  })
  if (settledMs > SETTLES_WITHIN_MS) wrong.push(`sagas ended ${settledMs} ms after the last restart`)
  await Promise.all(begun.map((person) => expectWhole(url, person).catch(noted('not whole'))))
  const { adminUrl } = stage.deployment
  const violations = await followed(() => historyViolations({ adminUrl, eventStore: stage.eventStore, since: began }))
  return { seed, plan, signups: begun.length, settledMs, violations: [...wrong, ...violations] }
}

/** Every second one has credit to claim. */
async function peopleOf(admin: PersonClient): Promise<readonly (readonly Newcomer[])[]> {
  const plain = Array.from({ length: AT_ONCE * MOST_PEOPLE_EACH }, () => newcomer())
  const tokens = await grantsTo(
    admin,
    plain.filter((_, n) => n % 2 === 1).map(({ about }) => about.email),
  )
  const all = plain.map((person, n) => ({ ...person, claimToken: n % 2 === 1 ? tokens[(n - 1) / 2] : undefined }))
  return Array.from({ length: AT_ONCE }, (_, n) => all.slice(n * MOST_PEOPLE_EACH, (n + 1) * MOST_PEOPLE_EACH))
}

interface Lane {
  readonly begun: Newcomer[]
  /** No other begins. */
  readonly enough: AbortSignal
  /** Nobody tries again. */
  readonly over: AbortSignal
}

async function oneByOne(url: string, people: readonly Newcomer[], { begun, enough, over }: Lane): Promise<void> {
  for (const person of people) {
    if (enough.aborted) return
    begun.push(person)
    await signUp(url, person, over)
    await delay(PACE_MS, undefined, { signal: enough }).catch(() => undefined)
  }
}

async function settled(stage: Stage, url: string): Promise<number> {
  const began = performance.now()
  const client = new PersonClient(url)
  const operator = { authorization: `Bearer ${stage.deployment.operatorToken}` }
  await eventually(async () => {
    for (const state of OPEN) {
      const { items } = await client.expect(200, 'GET', `/admin/sagas?state=${state}`, undefined, operator)
      if (items.length > 0) throw new Error(`still ${state}: ${items.map(({ id }: { id: string }) => id).join(', ')}`)
    }
  }, GIVEN_UP_MS)
  return Math.round(performance.now() - began)
}

/** What has to follow has the time to; what is still wrong then is wrong. Looked at now and then: a look reads everything. */
export async function followed(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const end = performance.now() + FOLLOWS_WITHIN_MS
  for (;;) {
    const found = await look()
    if (found.length === 0 || performance.now() > end) return found
    await delay(LOOKED_AT_EVERY_MS)
  }
}

/** S-INV-11 over everything that all runs left: nobody's name or address is anywhere it may not be. */
export function leaks(stage: Stage): Promise<readonly string[]> {
  const { adminUrl, logs } = stage.deployment
  return noSecretsIn({ adminUrl, eventStore: stage.eventStore, logs, metrics: [], canaries: ['canary-', 'admin@example.org'] })
}
