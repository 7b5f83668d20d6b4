// What knowing a request's internal token costs a service: one it has seen already, and one it sees for the first time (identity page §14).
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { newId, systemClock } from '@loomworks/kernel'
import { tokenVerifier } from '@loomworks/service-kit'
import { IdentityStandIn } from '@loomworks/testing'
import type { Benchmark } from './benchmark.ts'

const GOAL_US = 2
const SEEN = 100

export const token: Benchmark = {
  name: 'token',
  async run({ quick }) {
    const turns = quick ? 1000 : 1_000_000
    const folder = mkdtempSync(join(tmpdir(), 'lw-'))
    try {
      await using identity = await IdentityStandIn.listening(join(folder, 'identity'), systemClock)
      const verifier = tokenVerifier('memory', () => keysAt(join(folder, 'identity')), systemClock.now)
      const tokens = await Promise.all(Array.from({ length: SEEN }, () => identity.person('memory', newId())))
      const first = await usEach(SEEN, (turn) => verifier.verify(tokens[turn % SEEN] ?? ''))
      const again = await usEach(turns, (turn) => verifier.verify(tokens[turn % SEEN] ?? ''))
      return [
        { bench: 'internal token, verified once before', value: again, unit: 'µs', goal: `≤ ${GOAL_US}`, ok: again <= GOAL_US },
        { bench: 'internal token, never seen', value: first, unit: 'µs', goal: '', ok: true },
      ]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function usEach(turns: number, work: (turn: number) => Promise<unknown>): Promise<number> {
  const began = performance.now()
  for (let turn = 0; turn < turns; turn++) await work(turn)
  return ((performance.now() - began) * 1000) / turns
}

type Keys = Awaited<ReturnType<Parameters<typeof tokenVerifier>[1]>>

function keysAt(socketPath: string): Promise<Keys> {
  return new Promise((done, failed) => {
    get({ socketPath, path: '/internal/keys' }, (answer) => done(json(answer) as Promise<Keys>)).once('error', failed)
  })
}
