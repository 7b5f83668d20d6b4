import { newId } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import type { Bus, Stored } from '../port.ts'
import { type Bench, durable, hearing, hears, idsOf, LIMITS, note, notes, SERVICE, serverOf, storedOf } from './bench.ts'

export function looking(bench: () => Bench): void {
  test('browsing gives what is stored, from any place on, and changes nothing', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity)
    const sent = notes(entity, 600)
    await Promise.all(sent.map((each) => bus.publish(each)))
    const all = await storedOf(another(), entity)
    expect(idsOf(all)).toEqual(idsOf(sent))
    expect(all[0]).toMatchObject({ subject: sent[0]?.subject, data: sent[0]?.data, headers: {} })
    expect(Math.abs(Date.now() - Date.parse(all[0]?.publishedAt ?? ''))).toBeLessThan(60_000)
    const rest = await Array.fromAsync(bus.browse('EVENTS', `evt.${SERVICE}.*.${entity}.>`, all[99]?.seq))
    expect(idsOf(rest)).toEqual(idsOf(sent.slice(100)))
    await using listener = hearing(bus, spec)
    expect((await hears(listener, 600)).every(({ deliveries }) => deliveries === 1)).toBe(true)
  })

  test('a tail at every instance sees every message from now on, and nothing from before', async () => {
    const { bus, another } = bench()
    const entity = newId()
    await bus.publish(note(entity))
    const stop = new AbortController()
    const tails = [bus, another(), another()].map((each) => tailing(each, entity, stop.signal))
    await Promise.all(tails.map(({ listening }) => listening))
    const sent = notes(entity, 50)
    for (const each of sent) await bus.publish(each)
    for (const { seen } of tails) await expect.poll(() => idsOf(seen), LIMITS).toEqual(idsOf(sent))
    stop.abort()
    await Promise.all(tails.map(({ ended }) => ended))
  })

  test('a tail misses nothing and repeats nothing over a restart of the server', async ({ skip }) => {
    const { bus, another } = bench()
    const server = serverOf(bench(), skip)
    const entity = newId()
    const stop = new AbortController()
    const tail = tailing(another(), entity, stop.signal)
    await tail.listening
    const sent = notes(entity, 20)
    for (const each of sent.slice(0, 10)) await bus.publish(each)
    await server.restart()
    for (const each of sent.slice(10)) await bus.publish(each, { deadlineMs: 15_000 })
    await expect.poll(() => idsOf(tail.seen), LIMITS).toEqual(idsOf(sent))
    stop.abort()
    await tail.ended
  })

  test('the depth of a durable tells what waits and what is at work', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { maxPending: 1 })
    expect(await bus.depth([spec])).toEqual([{ durable: spec.durable, waiting: 0, pending: 0 }])
    for (const each of notes(entity, 3)) await bus.publish(each)
    const { promise: done, resolve: finish } = Promise.withResolvers<void>()
    const consumption = bus.consume(spec, async () => {
      await done
      return 'ack'
    })
    await expect.poll(() => another().depth([spec]), LIMITS).toEqual([{ durable: spec.durable, waiting: 2, pending: 1 }])
    finish()
    await expect.poll(() => bus.depth([spec]), LIMITS).toEqual([{ durable: spec.durable, waiting: 0, pending: 0 }])
    await consumption.stop(1000)
  })

  test('a bus that stands says so', async () => {
    expect(await bench().bus.health()).toEqual({ ok: true })
  })
}

interface Tailing {
  readonly seen: Stored[]
  /** Resolves when it has its place. */
  readonly listening: Promise<void>
  readonly ended: Promise<void>
}

function tailing(bus: Bus, entity: string, signal: AbortSignal): Tailing {
  const seen: Stored[] = []
  const { promise: listening, resolve: onListening } = Promise.withResolvers<void>()
  const run = async () => {
    for await (const message of bus.tail('EVENTS', `evt.${SERVICE}.*.${entity}.>`, { signal, onListening })) seen.push(message)
  }
  return { seen, listening, ended: run() }
}
