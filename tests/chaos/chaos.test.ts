// Sixty seconds of chaos with every `npm run verify`; `npm run chaos` is the rest. And what makes a failure come again: the seed.
import { randomInt } from 'node:crypto'
import { NO_NATS_SERVER, natsServerProgram } from '@loomworks/testing'
import { describe, expect, test } from 'vitest'
import { planOf } from './faults.ts'
import { NatsFrames } from './nats-frames.ts'
import { leaks, runsOf } from './run.ts'
import { Stage } from './stage.ts'

const SMOKE_MS = 60_000
const nats = natsServerProgram()

test('one seed plans the same faults each time, and another seed others', () => {
  const engines = ['bus', 'database', 'eventStore'] as const
  const plans = Array.from({ length: 200 }, (_, seed) => planOf(seed, engines))
  expect(plans).toEqual(Array.from({ length: 200 }, (_, seed) => planOf(seed, engines)))
  expect(new Set(plans.map((plan) => JSON.stringify(plan))).size).toBeGreaterThan(190)
  expect(new Set(plans.flat().map(({ kind }) => kind)).size).toBe(10)
})

describe('what passes a connection to NATS is cut into frames, wherever the chunks end:', () => {
  const said = Buffer.from('INFO {}\r\nHPUB evt.identity.0.a.B in 4 9\r\nhhhhd\r\nee\r\nPING\r\nMSG saga.rep.x 1 2\r\n\r\n\r\n')
  test.each([1, 7, 200])('%i bytes at a time', (size) => {
    const frames = new NatsFrames()
    const cut = Array.from({ length: Math.ceil(said.length / size) }, (_, n) => frames.split(said.subarray(n * size, (n + 1) * size))).flat()
    expect(cut.map(({ subject }) => subject)).toEqual([undefined, 'evt.identity.0.a.B', undefined, 'saga.rep.x'])
    expect(Buffer.concat(cut.map(({ bytes }) => bytes))).toEqual(said)
  })
})

if (nats === undefined) test('sixty seconds of chaos', ({ skip }) => skip(NO_NATS_SERVER))
else
  test('sixty seconds of chaos', { timeout: 6 * SMOKE_MS }, async () => {
    const first = randomInt(2 ** 31)
    console.log(`chaos from seed ${first}`)
    await using stage = await Stage.open({ nats, instances: 1 })
    const end = performance.now() + SMOKE_MS
    const broken: unknown[] = []
    let settled = 0
    for await (const run of runsOf(stage, { first, runs: 1000 })) {
      if (run.violations.length > 0) broken.push(run)
      settled += run.signups
      if (performance.now() > end) break
    }
    expect(broken).toEqual([])
    expect(await leaks(stage)).toEqual([])
    expect(settled).toBeGreaterThan(0)
  })
