import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { PersonClient, SoftwareAuthenticator } from '@loomworks/testing'
import { verifyAuthenticationResponse } from '@simplewebauthn/server'
import { isoCBOR } from '@simplewebauthn/server/helpers'
import { type Benchmark, cpuMsOf, percentile } from './benchmark.ts'
import { freshHome, removeHome, startInstance } from './instance.ts'

const GOAL = 2
const GOAL_RATE = 200
const GOAL_P99_MS = 50
const CLIENTS = 8
/** What a signup leaves to be done is done by then. */
const SETTLED_MS = 1000

/** Fewer than the sessions a person may have, so that none has to give way. */
const TURNS = 40

/** CPU of a whole login by passkey, begin and finish, PostgreSQL and all that follows it included, against the library's verification
 *  alone, turn by turn; the first round of both is for warming up. */
export const login: Benchmark = {
  name: 'login',
  async run({ quick }) {
    const home = freshHome()
    try {
      await using instance = await startInstance(home)
      const rounds = quick ? 1 : 5
      const [turns, verifications] = quick ? [2, 10] : [TURNS, 400]
      const spent = { ms: 0, cpuMs: 0, yardstickMs: 0, waited: [] as number[] }
      const verify = await verification()
      for (let round = quick ? 0 : -1; round < rounds; round++) {
        const people = await Promise.all(Array.from({ length: CLIENTS }, () => newPerson(instance.url)))
        await delay(quick ? 0 : SETTLED_MS)
        const before = instance.cpuMs()
        const began = performance.now()
        const waited = await Promise.all(people.map((person) => logInOften(person, turns)))
        const ms = performance.now() - began
        const cpuMs = instance.cpuMs() - before
        const yardstickMs = await cpuMsOf(() => verify(verifications))
        if (round < 0) continue
        spent.ms += ms
        spent.waited.push(...waited.flat())
        spent.cpuMs += cpuMs
        spent.yardstickMs += yardstickMs
      }
      return figuresOf(spent, { logins: CLIENTS * turns * rounds, verifications: verifications * rounds })
    } finally {
      removeHome(home)
    }
  },
}

interface Spent {
  readonly ms: number
  readonly cpuMs: number
  readonly yardstickMs: number
  readonly waited: readonly number[]
}

function figuresOf({ ms, cpuMs, yardstickMs, waited }: Spent, { logins, verifications }: { readonly logins: number; readonly verifications: number }) {
  const value = cpuMs / logins
  const yardstick = yardstickMs / verifications
  const ratio = value / yardstick
  const rate = (logins / ms) * 1000
  const p99 = percentile(waited, 0.99)
  return [
    { bench: 'login by passkey, CPU', value, unit: 'ms', yardstick, ratio, goal: `≤ ${GOAL}`, ok: ratio <= GOAL },
    { bench: 'logins', value: rate, unit: '/s', goal: `≥ ${GOAL_RATE}`, ok: rate >= GOAL_RATE },
    { bench: `a login of ${CLIENTS} at once, begin and finish, p99`, value: p99, unit: 'ms', goal: `≤ ${GOAL_P99_MS}`, ok: p99 <= GOAL_P99_MS },
  ]
}

async function newPerson(url: string): Promise<PersonClient> {
  const person = new PersonClient(url)
  await person.signUp({ email: `${randomUUID()}@example.org`, displayName: 'Bench' })
  return person
}

/** Gives how many milliseconds each took. */
async function logInOften(person: PersonClient, turns: number): Promise<readonly number[]> {
  const waited: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    const began = performance.now()
    await person.logIn()
    waited.push(performance.now() - began)
  }
  return waited
}

/** The library alone, on a response made beforehand. */
async function verification(): Promise<(turns: number) => Promise<void>> {
  const origin = 'http://localhost:4400'
  const authenticator = new SoftwareAuthenticator({ origin })
  const challenge = Buffer.alloc(32, 1).toString('base64url')
  authenticator.register({ rp: { id: 'localhost', name: 'bench' }, user: { id: 'AAAA', name: 'b', displayName: 'b' }, challenge, pubKeyCredParams: [] })
  const response = authenticator.authenticate({ challenge, rpId: 'localhost' })
  const [passkey] = authenticator.passkeys
  if (passkey === undefined) throw new Error('no passkey was made')
  const credential = { id: response.id, publicKey: isoCBOR.encode(passkey.publicKey), counter: 0 }
  return async (turns) => {
    for (let turn = 0; turn < turns; turn++)
      await verifyAuthenticationResponse({ response, expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: 'localhost', credential })
  }
}
