import { expect, test } from 'vitest'
import type { Delivery } from '../port.ts'
import { all, type Bench, event, events, firstEvents, freshStream, idsOf } from './bench.ts'

const never = new AbortController().signal

export function subscribing(bench: () => Bench): void {
  test('a late reader gets what was there, hears that it has caught up, and then gets what comes', async () => {
    const { store } = bench()
    const stream = freshStream()
    const before = events(3)
    const after = event()
    await store.append(stream, before, 'no_stream')
    const seen: string[] = []
    for await (const delivery of store.subscribe({ prefixes: [stream] }, { signal: never })) {
      if (delivery.kind === 'event') seen.push(delivery.event.id)
      else if (!seen.includes('caught_up')) {
        seen.push('caught_up')
        await store.append(stream, [after], 2n)
      }
      if (seen.includes(after.id)) break
    }
    expect(seen).toEqual([...idsOf(before), 'caught_up', after.id])
  })

  test('a reader begins after the position it gives', async () => {
    const { store } = bench()
    const stream = freshStream()
    const list = events(4)
    await store.append(stream, list, 'no_stream')
    const [, second] = await all(store.readAll({ prefixes: [stream] }))
    const rest = await firstEvents(store.subscribe({ prefixes: [stream] }, { from: second?.position ?? '', signal: never }), 2)
    expect(idsOf(rest)).toEqual(idsOf(list.slice(2)))
  })

  test('who follows streams that are not there has caught up', async () => {
    for await (const delivery of bench().store.subscribe({ prefixes: [freshStream()] }, { signal: never })) {
      expect(delivery.kind).toBe('caught_up')
      break
    }
  })

  test('a position that was caught up to is one to go on from', async () => {
    const { store } = bench()
    const stream = freshStream()
    await store.append(stream, events(1), 'no_stream')
    const position = await caughtUpOf(store.subscribe({ prefixes: [stream] }, { signal: never }))
    const next = event()
    await store.append(stream, [next], 0n)
    expect(idsOf(await firstEvents(store.subscribe({ prefixes: [stream] }, { from: position, signal: never }), 1))).toEqual([next.id])
  })

  test('a subscription ends when it is aborted, while it waits and while it delivers', async () => {
    const { store } = bench()
    const stream = freshStream()
    await store.append(stream, events(50), 'no_stream')
    const kinds: string[] = []
    for (const last of ['caught_up', 'event']) {
      const stop = new AbortController()
      for await (const { kind } of store.subscribe({ prefixes: [stream] }, { signal: stop.signal })) {
        kinds.push(kind)
        if (kind === last) stop.abort()
      }
    }
    expect(kinds.filter((kind) => kind === 'event')).toHaveLength(51)
  })

  test('what another process appends arrives', async () => {
    const { store, another } = bench()
    const stream = freshStream()
    const list = events(2)
    const reading = firstEvents(store.subscribe({ prefixes: [stream] }, { signal: never }), 2)
    await another().append(stream, list, 'no_stream')
    expect(idsOf(await reading)).toEqual(idsOf(list))
  })
}

async function caughtUpOf(deliveries: AsyncIterable<Delivery>): Promise<string> {
  for await (const delivery of deliveries) if (delivery.kind === 'caught_up') return delivery.position
  throw new Error('the subscription ended')
}
