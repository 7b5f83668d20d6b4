// What is good for one use is good for one, however many come with it at the same moment (ID-INV-7, identity page §14): how that is run.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type FakeClock, fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { somebody } from '../belonging-story.ts'
import { type Answer, type IdentityBench, identityBench } from '../identity-bench.ts'
import { adminGrant } from '../roles.ts'
import { loggedIn, type SignedUp } from '../signing-up.ts'

const AT_ONCE = 50
const ROUND_WITHIN_MS = 5000

/** One use of a secret, the n-th of those that come at once. */
export type Use = (n: number) => Promise<Answer>

export interface Racing {
  readonly bench: IdentityBench
  readonly clock: FakeClock
  readonly mailbox: string
  /** An administrator. */
  readonly ada: SignedUp
  /** A new session of hers, opened and proven a moment ago. */
  session(): Promise<string>
  /** What the gateway hands on for a session: asked for once, and not by each of fifty. */
  as(token: string): Promise<{ readonly headers: { readonly authorization: string } }>
}

/** Identity and somebody in it, for the tests of a file. */
export function racing(): () => Racing {
  const clock = fakeClock()
  let made: Racing | undefined
  beforeAll(async () => {
    const mailbox = await mkdtemp(path.join(tmpdir(), 'lw-mail-'))
    const bench = await identityBench({ adminUrl: inject('adminUrl'), clock, environment: { MAILBOX_DIR: mailbox } })
    const ada = await somebody(bench)
    await adminGrant(bench.db, ada.answer.body.person.email)
    made = {
      bench,
      clock,
      mailbox,
      ada,
      async session() {
        // Of many sessions of one moment nobody can say which is the oldest and gives way.
        clock.advance(1)
        return (await loggedIn(bench, ada.authenticator)).body.session.token
      },
      as: async (token) => ({ headers: { authorization: `Bearer ${(await bench.introspect(token)).body.token}` } }),
    }
  })
  afterAll(async () => {
    await made?.bench[Symbol.asyncDispose]()
    if (made !== undefined) await rm(made.mailbox, { recursive: true, force: true })
  })
  return () => {
    if (made === undefined) throw new Error('nothing is there before the tests begin')
    return made
  }
}

/** Of each: what is used, a new one for each round, and what they are told who come too late. */
export type Secrets = readonly (readonly [what: string, secret: () => Promise<Use>, tooLate: readonly string[]])[]

/** One race after the other, so many times. */
export function raced(rounds: number, secrets: Secrets): void {
  test.each(secrets)(
    `ID-INV-7: of fifty uses at once of %s exactly one succeeds, ${rounds} rounds`,
    { timeout: 60_000 + rounds * ROUND_WITHIN_MS },
    async (...[, secret, tooLate]) => {
      for (let round = 0; round < rounds; round++) {
        const use = await secret()
        const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => use(n)))
        const [won, lost] = [answers.filter(({ status }) => status === 200), answers.filter(({ status }) => status !== 200)]
        expect(won).toHaveLength(1)
        expect(lost.filter(({ body }) => !tooLate.includes(body.code))).toEqual([])
      }
    },
  )
}
