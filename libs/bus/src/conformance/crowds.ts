import { setTimeout as delay } from 'node:timers/promises'
import { newId } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { type Bench, durable, hearing, idsOf, LIMITS, notes, numberOf, subjectOf } from './bench.ts'

const MESSAGES = 10_000
const CONSUMERS = 8
const CHUNK = 500

export function crowds(bench: () => Bench): void {
  test('ten thousand messages for eight consumers are all handled, once each', { timeout: 120_000 }, async () => {
    const { bus, another } = bench()
    const entity = newId()
    const buses = [bus, another()]
    const seen = Array.from({ length: CONSUMERS }, () => new Uint8Array(MESSAGES))
    let handled = 0
    const consumers = await Promise.all(
      seen.map(async (counts, n) =>
        hearing(buses[n % 2] ?? bus, await durable(bus, entity, { maxPending: 256, ackWaitMs: 60_000 }), (delivery) => {
          const number = numberOf(delivery)
          counts[number] = (counts[number] ?? 0) + 1
          handled++
          return 'ack'
        }),
      ),
    )
    const sent = notes(entity, MESSAGES)
    for (let from = 0; from < MESSAGES; from += CHUNK) await Promise.all(sent.slice(from, from + CHUNK).map((each) => bus.publish(each)))
    await expect.poll(() => handled, { timeout: 100_000, interval: 50 }).toBe(MESSAGES * CONSUMERS)
    for (const counts of seen) expect(counts.every((count) => count === 1)).toBe(true)
    await Promise.all(consumers.map((each) => each.stop()))
  })

  test('a drain lets running handlers end, confirms what they said, and leaves the rest to others at once', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { maxPending: 16, ackWaitMs: 60_000 })
    const leaving = another()
    const sent = notes(entity, 300)
    await Promise.all(sent.map((each) => bus.publish(each)))
    const done: string[] = []
    const first = hearing(leaving, spec, async ({ id }) => {
      await delay(5)
      done.push(id)
      return 'ack' as const
    })
    await expect.poll(() => done.length, LIMITS).toBeGreaterThan(20)
    await leaving.drain(5000)
    expect(new Set(idsOf(first.heard))).toEqual(new Set(done))
    await using second = hearing(bus, spec)
    await expect.poll(() => done.length + second.heard.length, LIMITS).toBe(sent.length)
    expect(new Set([...done, ...idsOf(second.heard)])).toEqual(new Set(idsOf(sent)))
  })

  test('a drain ends at its deadline although a handler does not, and tells the handler', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { ackWaitMs: 2000 })
    const leaving = another()
    const stuck = hearing(leaving, spec, () => new Promise<never>(() => undefined))
    await bus.publish({ subject: subjectOf(entity), id: newId(), data: '{}' })
    await expect.poll(() => stuck.heard.length, LIMITS).toBe(1)
    const began = performance.now()
    await leaving.drain(300)
    expect(performance.now() - began).toBeLessThan(1500)
    expect(stuck.heard[0]?.signal.aborted).toBe(true)
    await using next = hearing(bus, spec)
    await expect.poll(() => next.heard.length, LIMITS).toBe(1)
  })
}
