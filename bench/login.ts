import { randomUUID } from 'node:crypto'
import { PersonClient, SoftwareAuthenticator } from '@loomworks/testing'
import { verifyAuthenticationResponse } from '@simplewebauthn/server'
import { type Benchmark, cpuMsOf } from './benchmark.ts'
import { freshHome, removeHome, startInstance } from './instance.ts'

const GOAL = 2
const GOAL_RATE = 200
const CLIENTS = 8

/** CPU of a whole login by passkey, begin and finish, PostgreSQL included, against the library's verification alone. */
export const login: Benchmark = {
  name: 'login',
  async run({ quick }) {
    const home = freshHome()
    try {
      await using instance = await startInstance(home)
      const people = await Promise.all(Array.from({ length: CLIENTS }, () => newPerson(instance.url)))
      const turns = quick ? 2 : 40
      const before = instance.cpuMs()
      const began = performance.now()
      await Promise.all(people.map((person) => logInOften(person, turns)))
      const ms = performance.now() - began
      const logins = CLIENTS * turns
      const value = (instance.cpuMs() - before) / logins
      const yardstick = await verificationCpuMs(quick ? 10 : 400)
      const ratio = value / yardstick
      return [
        { bench: 'login by passkey, CPU', value, unit: 'ms', yardstick, ratio, goal: `≤ ${GOAL}`, ok: ratio <= GOAL },
        { bench: 'logins', value: (logins / ms) * 1000, unit: '/s', goal: `≥ ${GOAL_RATE}`, ok: (logins / ms) * 1000 >= GOAL_RATE },
      ]
    } finally {
      removeHome(home)
    }
  },
}

async function newPerson(url: string): Promise<PersonClient> {
  const person = new PersonClient(url)
  await person.signUp({ email: `${randomUUID()}@example.org`, displayName: 'Bench' })
  return person
}

async function logInOften(person: PersonClient, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await person.logIn()
}

/** The library alone, on a response made beforehand. */
async function verificationCpuMs(turns: number): Promise<number> {
  const origin = 'http://localhost:4400'
  const authenticator = new SoftwareAuthenticator({ origin })
  const challenge = Buffer.alloc(32, 1).toString('base64url')
  authenticator.register({ rp: { id: 'localhost', name: 'bench' }, user: { id: 'AAAA', name: 'b', displayName: 'b' }, challenge, pubKeyCredParams: [] })
  const response = authenticator.authenticate({ challenge, rpId: 'localhost' })
  const [passkey] = authenticator.passkeys
  if (passkey === undefined) throw new Error('no passkey was made')
  const { isoCBOR } = await import('@simplewebauthn/server/helpers')
  const credential = { id: response.id, publicKey: isoCBOR.encode(passkey.publicKey), counter: 0 }
  const cpuMs = await cpuMsOf(async () => {
    for (let turn = 0; turn < turns; turn++)
      await verifyAuthenticationResponse({ response, expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: 'localhost', credential })
  })
  return cpuMs / turns
}
