// How long what was taken away still opens anything (identity page §14): a session, a membership, the token of an agent. Two instances of
// every service, on either bus; the clock runs from the answer that says it is taken until nobody lets it in any more.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, natsServerProgram, PersonClient } from '@loomworks/testing'
import { startDatabase } from '../tests/chaos/engines.ts'
import { Stage } from '../tests/chaos/stage.ts'
import { Deployment } from '../tests/deployment.ts'
import { type Benchmark, type Figure, percentile } from './benchmark.ts'

const GOAL_MS = 1000
const ROUND_WITHIN_MS = 60_000
const INSTANCES = 2
/** So many refusals one after the other: each instance behind a door has been asked. */
const IN_A_ROW = 6
/** One operation of each service that a session opens. */
const PLACES = ['/me', '/engagements/me', '/me/credit', '/me/activity']

export const revocation: Benchmark = {
  name: 'revocation',
  async run({ quick }) {
    const rounds = quick ? 2 : 100
    return [...(await onPostgres(rounds)), ...(await onNats(rounds))]
  },
}

async function onPostgres(rounds: number): Promise<readonly Figure[]> {
  const home = mkdtempSync(join(tmpdir(), 'loomworks-bench-'))
  const database = await startDatabase(join(home, 'database'))
  try {
    await using deployment = await Deployment.start({ adminUrl: database.adminUrl, instances: INSTANCES, home })
    return await figures(deployment, 'PostgreSQL', rounds)
  } finally {
    await database.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

async function onNats(rounds: number): Promise<readonly Figure[]> {
  const nats = natsServerProgram()
  if (nats === undefined) return []
  await using stage = await Stage.open({ nats, instances: INSTANCES, direct: true })
  return await figures(stage.deployment, 'NATS', rounds)
}

async function figures({ urls }: Deployment, bus: string, rounds: number): Promise<readonly Figure[]> {
  const [url = ''] = urls
  const [ada, bob] = [await newPerson(url), await newPerson(url)]
  const { id } = await ada.expect(201, 'POST', '/engagements', { title: 'Bread' })
  await eventually(() => ada.expect(200, 'GET', `/engagements/${id}/members`))
  const found: Figure[] = []
  for (const [what, taken] of [
    ['a session', () => sessionTaken(ada, urls)],
    ['a membership', () => membershipTaken({ ada, bob, engagement: id }, urls)],
    ['a token of an agent', await tokensTaken(ada, id, urls)],
  ] as const) {
    const took: number[] = []
    // A busy machine may make one call fail; its round is begun anew.
    for (let round = 0; round < rounds; round++) took.push(await eventually(taken, ROUND_WITHIN_MS))
    found.push(figure(`${what}, refused everywhere on ${bus}, p50`, percentile(took, 0.5)), figure(`${what}, the same, p99`, percentile(took, 0.99)))
  }
  return found
}

function figure(bench: string, value: number): Figure {
  return { bench, value, unit: 'ms', goal: `≤ ${GOAL_MS}`, ok: value <= GOAL_MS }
}

async function newPerson(url: string): Promise<PersonClient> {
  const person = new PersonClient(url)
  await person.signUp({ email: `${randomUUID()}@example.org`, displayName: 'Bench' })
  return person
}

async function sessionTaken(ada: PersonClient, urls: readonly string[]): Promise<number> {
  const { session } = await ada.logIn()
  await ada.logIn()
  const doors = urls.flatMap((url) => PLACES.map((place) => door(url, place, session.token)))
  await open(doors)
  await ada.expect(204, 'DELETE', `/me/sessions/${session.id}`)
  return shutMs(doors)
}

interface Belonging {
  readonly ada: PersonClient
  readonly bob: PersonClient
  readonly engagement: string
}

async function membershipTaken({ ada, bob, engagement }: Belonging, urls: readonly string[]): Promise<number> {
  const invitation = await ada.expect(201, 'POST', `/engagements/${engagement}/invitations`, { designations: ['contributor'] })
  const { membership } = await bob.expect(200, 'POST', '/invitations/accept', { token: invitation.token })
  const doors = urls.map((url) => door(url, `/engagements/${engagement}`, bob.token))
  await open(doors)
  await ada.expect(204, 'DELETE', `/engagements/${engagement}/members/${membership.id}`)
  return shutMs(doors)
}

async function tokensTaken(ada: PersonClient, engagement: string, urls: readonly string[]): Promise<() => Promise<number>> {
  const agent = await ada.expect(201, 'POST', `/engagements/${engagement}/agents`, { name: 'Scribe', purpose: 'Reads.' })
  return async () => {
    const { id, token } = await ada.expect(201, 'POST', `/agents/${agent.id}/tokens`, { scopes: ['memory.read'] })
    const doors = urls.map((url) => door(url, `/engagements/${engagement}`, token))
    await open(doors)
    await ada.expect(204, 'DELETE', `/agents/${agent.id}/tokens/${id}`)
    return shutMs(doors)
  }
}

/** What somebody is told whom a door does not let in any more. */
const SHUT = new Set([401, 404])

/** Whether one operation lets somebody in at one instance of the gateway. */
type Door = () => Promise<boolean>

function door(url: string, place: string, token: string | undefined): Door {
  return async () => {
    const { status, body } = await fetch(new URL(place, url), { headers: { authorization: `Bearer ${token}` } })
    await body?.cancel()
    if (status !== 200 && !SHUT.has(status)) throw new Error(`${place}: ${status}`)
    return status === 200
  }
}

async function open(doors: readonly Door[]): Promise<void> {
  await eventually(async () => {
    const all = await Promise.all(doors.map((each) => each()))
    if (!all.every((isOpen) => isOpen)) throw new Error('a door is not open yet')
  })
}

/** Milliseconds from now until every door has been shut. */
async function shutMs(doors: readonly Door[]): Promise<number> {
  const began = performance.now()
  const shut = doors.map(async (isOpen) => {
    let sinceMs = 0
    for (let refusals = 0; refusals < IN_A_ROW; refusals++) {
      const askedMs = performance.now() - began
      if (await isOpen()) refusals = -1
      else if (refusals === 0) sinceMs = askedMs
    }
    return sinceMs
  })
  return Math.max(...(await Promise.all(shut)))
}
