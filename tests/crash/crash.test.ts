// An instance is killed with -9 while people sign up, ten times. After each start everything that was open ends within five seconds,
// nobody is half there, and whoever was told that they are a person logs in (saga page §3.2 F3 to F6, F10).
import { randomInt, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually, PersonClient, Unexpected } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Proven, proven } from '../signup/ceremony.ts'
import { databaseOf, type Launched, launch, type TemporaryDirectory, temporaryDirectory } from '../start/launched.ts'
import { freePort, startWhole } from '../whole.ts'

const KILLS = 10
const SIGNING_UP_AT_ONCE = 4
/** Four signups at once take some 300 ms, so this falls into every part of one. */
const KILLED_AFTER_MS = [50, 800] as const
const ENDS_WITHIN_MS = 5000

let place: TemporaryDirectory
let home: string
let port: number
let url: string
let instance: Launched
const canaries: string[] = []

beforeAll(async () => {
  place = temporaryDirectory()
  home = join(place.path, 'home')
  port = await freePort()
  url = `http://localhost:${port}`
  await started()
})
afterAll(async () => {
  instance.kill('SIGKILL')
  await instance.ended
  // Whatever the last kill left is adopted and stopped in order.
  await startWhole({ home, port }).then((whole) => whole[Symbol.asyncDispose]())
  place[Symbol.dispose]()
})

async function started(): Promise<void> {
  instance = launch({ LOOMWORKS_HOME: home, PORT: String(port), LIMITS: 'off' }, ['--json'])
  await instance.says('\n')
}

interface Person {
  readonly about: { readonly email: string; readonly displayName: string }
  registration: Proven | undefined
  /** The last answer came: a person. Else only the instance may know. */
  told: boolean
}

function newcomer(): Person {
  const displayName = `canary-${randomUUID()}`
  canaries.push(displayName)
  return { about: { email: `${displayName}@example.org`, displayName }, registration: undefined, told: false }
}

/** One after the other, until the instance is gone in the middle of one. */
async function signingUp(people: Person[]): Promise<void> {
  for (;;) {
    const person = newcomer()
    people.push(person)
    try {
      person.registration = await proven(url, person.about)
      // One person's in each round: every text is looked for in every row and line.
      if (person === people[0]) canaries.push(...person.registration.secrets)
      person.told = await finished(person.registration)
    } catch (error) {
      if (error instanceof Unexpected) throw error
      return
    }
  }
}

/** True for a person, false while it takes longer; anything else fails. */
async function finished(registration: Proven): Promise<boolean> {
  const said = await registration.finish()
  if (said.status !== 200 && said.status !== 202) throw new Unexpected('the last step of a signup', said)
  return said.status === 200
}

/** With or without its PostgreSQL, so that both the adoption and the recovery of the database are met. */
async function killedWhile(work: Promise<unknown>, withDatabase: boolean, afterMs: number): Promise<void> {
  await delay(afterMs)
  const database = databaseOf(home)
  instance.kill('SIGKILL')
  if (withDatabase) process.kill(database, 'SIGKILL')
  await instance.ended
  await work
}

async function openSagas(): Promise<readonly { id: string; state: string }[]> {
  const operator = readFileSync(join(home, 'operator-token'), 'utf8').trim()
  const client = new PersonClient(url)
  const open: { id: string; state: string }[] = []
  for (const state of ['requested', 'running', 'committed', 'compensating'])
    open.push(...(await client.expect(200, 'GET', `/admin/sagas?state=${state}`, undefined, { authorization: `Bearer ${operator}` })).items)
  return open
}

/** Whoever was told is a person. Whoever was not becomes one by the same call again, or begins anew where it never came to that. */
async function expectWhole({ about, registration, told }: Person): Promise<void> {
  if (registration === undefined) return void (await new PersonClient(url).signUp(about))
  if (!told) await eventually(async () => expect(await finished(registration)).toBe(true), ENDS_WITHIN_MS)
  expect(await registration.client.logIn()).toMatchObject({ person: { email: about.email } })
}

test(`${KILLS} kills while people sign up`, { timeout: 180_000 }, async () => {
  const everybody: Person[] = []
  const waits = Array.from({ length: KILLS }, () => randomInt(...KILLED_AFTER_MS))
  console.log(`killed after ${waits.join(', ')} ms`)
  for (const [round, afterMs] of waits.entries()) {
    const people: Person[] = []
    const work = Promise.all(Array.from({ length: SIGNING_UP_AT_ONCE }, () => signingUp(people)))
    await killedWhile(work, round % 2 === 1, afterMs)
    await started()
    await eventually(async () => expect(await openSagas()).toEqual([]), ENDS_WITHIN_MS)
    await Promise.all(people.map(expectWhole))
    everybody.push(...people)
  }
  const told = everybody.filter((person) => person.told).length
  console.log(`${told} people were told before a kill, ${everybody.length - told} were not`)
  expect(told).toBeGreaterThan(0)
  expect(everybody.length - told).toBeGreaterThanOrEqual(KILLS)

  instance.kill('SIGKILL')
  await instance.ended
  await using whole = await startWhole({ home, port })
  whole.canaries.push(...canaries)
  await whole.holds()
})
