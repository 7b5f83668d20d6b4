// Whether the time of a refusal tells who is a member (identity page §3): the same question about addresses that are known and that are
// not, in turn, each from a network of its own.
import { randomInt, randomUUID } from 'node:crypto'
import { PersonClient } from '@loomworks/testing'
import { type Benchmark, type Figure, percentile, timedRound } from './benchmark.ts'
import { freshHome, removeHome, startInstance } from './instance.ts'

const GOAL = 0.05
const PAIRS = 1000
/** Fewer than the tries after which a person has to wait. */
const TRIES_EACH = 4
const SIGNING_UP_AT_ONCE = 8

export const oracle: Benchmark = {
  name: 'oracle',
  async run({ quick }) {
    const home = freshHome()
    try {
      await using instance = await startInstance(home, { TRUST_PROXY: '127.0.0.0/8,::1/128' })
      const pairs = quick ? 8 : PAIRS
      const known = await members(instance.url, Math.ceil(pairs / TRIES_EACH))
      const strangers = known.map(() => `${randomUUID()}@example.org`)
      const stranger = new PersonClient(instance.url)
      const recover = (email: string) => {
        const body = { email, totp_code: String(randomInt(1e6)).padStart(6, '0'), recovery_code: 'A'.repeat(24) }
        return msOf(() => stranger.expect(401, 'POST', '/auth/login/recovery', body, { 'x-forwarded-for': address() }))
      }
      const begin = (email: string) =>
        msOf(() => stranger.expect(200, 'POST', '/auth/signup/begin', { email, display_name: 'Bench' }, { 'x-forwarded-for': address() }))
      return [
        await compared('recovery of a known and an unknown address', pairs, (turn, isKnown) => recover(of(isKnown ? known : strangers, turn))),
        await compared('signup of a known and an unknown address', pairs, (turn, isKnown) => begin(of(isKnown ? known : strangers, turn))),
      ]
    } finally {
      removeHome(home)
    }
  },
}

async function members(url: string, count: number): Promise<readonly string[]> {
  const emails = Array.from({ length: count }, () => `${randomUUID()}@example.org`)
  await timedRound(count, Math.min(SIGNING_UP_AT_ONCE, count), async (worker, turn) => {
    const email = emails[turn * Math.min(SIGNING_UP_AT_ONCE, count) + worker]
    if (email !== undefined) await new PersonClient(url).signUp({ email, displayName: 'Bench' })
  })
  return emails
}

/** Which of a pair comes first is a matter of luck, or the second would always find the way warm. */
async function compared(bench: string, pairs: number, ask: (turn: number, isKnown: boolean) => Promise<number>): Promise<Figure> {
  const took: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] }
  for (let turn = 0; turn < pairs; turn++) {
    const knownFirst = randomInt(2) === 0
    for (const isKnown of [knownFirst, !knownFirst]) took[isKnown ? 'known' : 'unknown'].push(await ask(turn, isKnown))
  }
  const [value, yardstick] = [percentile(took.known, 0.5), percentile(took.unknown, 0.5)]
  const ratio = value / yardstick
  return { bench, value, unit: 'ms', yardstick, ratio, goal: `1 ± ${GOAL}`, ok: Math.abs(ratio - 1) <= GOAL }
}

const of = (emails: readonly string[], turn: number): string => emails[turn % emails.length] ?? ''

const address = (): string => [100, randomInt(64, 128), randomInt(256), 1].join('.')

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
