import { randomBytes } from 'node:crypto'
import { exec, sql } from '@loomworks/sql'
import { eventually, fakeClock, waitingIn } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from './identity-bench.ts'
import { keyPairsOn } from './key-pairs.ts'
import { keyringOf } from './keyring.ts'

const LIFE_MS = 1000
const INSTANCES = 3

const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

test('a key that is over is followed by one, however many find that it is', async () => {
  const keyring = keyringOf(randomBytes(32))
  const isOver = (createdMs: number, nowMs: number) => nowMs - createdMs >= LIFE_MS
  const all = Array.from({ length: INSTANCES }, () => keyPairsOn(bench.platform.databaseOf('identity'), { keyring, clock, purpose: 'mandate', isOver }))
  const [former] = (await all[0]?.current()) ?? []
  expect(await Promise.all(all.map((each) => each.current()))).toMatchObject(all.map(() => [{ kid: former?.kid }]))
  // The key of tokens is made first: who waits below waits for none of that kind.
  await bench.internal('memory', 'GET', '/internal/keys', undefined, true)
  const before = (await bench.told('SigningKeyRotated')).length
  clock.advance(LIFE_MS)
  const { finding } = await bench.db.transaction(async (tx) => {
    await exec(tx, sql`lock table identity.signing_keys in share mode`)
    const each = all.map((one) => one.current())
    // All have seen the old one, and wait: for the table or for each other.
    await eventually(async () => expect(await waitingIn(bench.db)).toHaveLength(INSTANCES))
    return { finding: each }
  })
  const kids = (await Promise.all(finding)).map((keys) => keys.map(({ kid }) => kid))
  expect(new Set(kids.map(([kid]) => kid)).size).toBe(1)
  expect(kids[0]).toEqual([expect.not.stringMatching(former?.kid ?? ''), former?.kid])
  expect(await bench.told('SigningKeyRotated')).toHaveLength(before + 1)
})
