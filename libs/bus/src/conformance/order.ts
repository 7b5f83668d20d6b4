import { newId, Transient } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { type Bench, durable, hearing, hears, LIMITS, notes, numberOf, serverOf, silence, storedOf } from './bench.ts'

export function order(bench: () => Bench): void {
  test('with one pending the order holds under retry, over two instances', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { maxPending: 1 })
    const done: number[] = []
    const handler = (delivery: { readonly data: string; readonly deliveries: number }) => {
      const n = numberOf(delivery)
      if (n % 3 === 0 && delivery.deliveries === 1) return { retryMs: 20 }
      done.push(n)
      return 'ack' as const
    }
    await using _here = hearing(bus, spec, handler)
    await using _there = hearing(another(), spec, handler)
    for (const each of notes(entity, 12)) await bus.publish(each)
    await expect.poll(() => done, LIMITS).toEqual(Array.from({ length: 12 }, (_, n) => n))
  })

  test('with one pending a handler that threw, and one that said nothing, hold back what is behind them', async () => {
    const { bus } = bench()
    const entity = newId()
    const done: number[] = []
    await using listener = hearing(bus, await durable(bus, entity, { maxPending: 1, ackWaitMs: 300 }), async (delivery) => {
      if (numberOf(delivery) === 0 && delivery.deliveries === 1) throw new Transient('not now')
      if (numberOf(delivery) === 1 && delivery.deliveries === 1) return silence()
      done.push(numberOf(delivery))
      return 'ack' as const
    })
    for (const each of notes(entity, 3)) await bus.publish(each)
    await hears(listener, 5)
    expect(done).toEqual([0, 1, 2])
  })

  test('what is handed over in one turn is stored in that order, although the server is killed meanwhile', async ({ skip }) => {
    const { bus } = bench()
    const server = serverOf(bench(), skip)
    const entity = newId()
    const sent = notes(entity, 900)
    const published = Promise.all(sent.map((each) => bus.publish(each, { deadlineMs: 20_000 })))
    const killed = server.kill()
    await Promise.all([published, killed])
    expect((await storedOf(bus, entity)).map(numberOf)).toEqual(sent.map(numberOf))
  })
}
