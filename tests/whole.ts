// All six services on a home of their own, as `npm start` runs them, for the tests of what only the whole shows.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, PersonClient } from '@loomworks/testing'
import { expect } from 'vitest'
import { type AllOptions, type Instance, startAll } from '../dev/all.ts'
import { violations } from './invariants/check.ts'
import { metricsOf } from './invariants/metrics.ts'

export interface Whole extends AsyncDisposable {
  readonly instance: Instance
  readonly url: string
  /** Somebody who has not signed up yet, with an address nobody else has. */
  newcomer(): Newcomer
  /** A person with the roles admin and ops. */
  admin(): Promise<PersonClient>
  /** Texts that may be nowhere but where they belong. */
  readonly canaries: string[]
  /** Waits until S-INV-1 to S-INV-13 hold; fails with what does not. */
  holds(): Promise<void>
}

export interface Newcomer {
  readonly client: PersonClient
  readonly email: string
  readonly displayName: string
  signUp(claimToken?: string): Promise<unknown>
}

type WholeOptions = Partial<Pick<AllOptions, 'home' | 'port' | 'limitsOff' | 'environment' | 'clockOf' | 'engines'>>

/** Without a home, one of its own that goes with it. */
export async function startWhole({ home: given, port, limitsOff = true, environment = {}, ...rest }: WholeOptions = {}): Promise<Whole> {
  const home = given ?? mkdtempSync(join(tmpdir(), 'loomworks-whole-'))
  const opsPort = await freePort()
  const instance = await startAll({
    home,
    port: port ?? (await freePort()),
    limitsOff,
    environment: { OPS_PORT: String(opsPort), ...environment },
    terminal: () => undefined,
    step: () => undefined,
    ...rest,
  })
  const canaries: string[] = []
  let first: Promise<PersonClient> | undefined
  const newcomer = () => newcomerAt(instance.url, canaries)
  return {
    instance,
    url: instance.url,
    newcomer,
    canaries,
    admin: () => {
      first ??= firstPerson(newcomer())
      return first
    },
    async holds() {
      const { adminUrl, platform, home } = instance
      const metrics = () => metricsOf(platform.addressOf, opsPort)
      await eventually(async () =>
        expect(await violations({ adminUrl, eventStore: platform.eventStore, logs: home.logs, metrics: await metrics(), canaries })).toEqual([]),
      )
    },
    async [Symbol.asyncDispose]() {
      await instance.stop()
      if (given === undefined) rmSync(home, { recursive: true, force: true })
    },
  }
}

/** In embedded mode the first person is the administrator. */
async function firstPerson(person: Newcomer): Promise<PersonClient> {
  await person.signUp()
  return person.client
}

function newcomerAt(url: string, canaries: string[]): Newcomer {
  const name = `canary-${randomUUID()}`
  const email = `${name}@example.org`
  const client = new PersonClient(url)
  canaries.push(name)
  return {
    client,
    email,
    displayName: name,
    async signUp(claimToken) {
      const answer = await client.signUp({ email, displayName: name, companionName: `Iris ${name}`, ...(claimToken !== undefined && { claimToken }) })
      canaries.push(client.token ?? name, ...(claimToken === undefined ? [] : [claimToken]))
      return answer
    },
  }
}

export function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
