import { expect, test } from 'vitest'
import { comparePositions, type EventStore, type NewEvent, type StoredEvent } from '../port.ts'
import { all, type Bench, events, firstEvents, freshStream, idsOf, settled } from './bench.ts'

const WRITERS = 32
const APPENDS = 10
const never = new AbortController().signal

export function concurrency(bench: () => Bench): void {
  test('thirty-two writers of four processes: no reader, live or late, misses or reorders an event', async () => {
    const { store, another } = bench()
    const prefix = freshStream()
    const live = firstEvents(store.subscribe({ prefixes: [prefix] }, { signal: never }), WRITERS * APPENDS * 2)
    const written = await writeAll([store, another(), another(), another()], prefix)
    await expectAll(store, prefix, { live: await live, written })
  })

  test('writers and readers whose connections are cut again and again lose, repeat and reorder nothing', async ({ skip }) => {
    const { store, another, cut, uncut } = bench()
    if (cut === undefined) return skip(uncut)
    const prefix = freshStream()
    const live = firstEvents(store.subscribe({ prefixes: [prefix] }, { signal: never }), WRITERS * APPENDS * 2)
    let writing = true
    let cuts = 0
    const cutting = (async () => {
      for (; writing; cuts++) await cut()
    })()
    const written = await writeAll([store, another()], prefix).finally(() => {
      writing = false
    })
    await cutting
    expect(cuts).toBeGreaterThan(0)
    await expectAll(store, prefix, { live: await live, written })
  })
}

/** Each writer appends pairs to a stream of its own; gives the pairs in the order of each writer. */
async function writeAll(stores: readonly EventStore[], prefix: string): Promise<ReadonlyMap<string, readonly NewEvent[]>> {
  const writers = Array.from({ length: WRITERS }, (_, n) => ({ stream: `${prefix}-${n}`, store: stores[n % stores.length] as EventStore }))
  return new Map(await Promise.all(writers.map(async ({ stream, store }) => [stream, await write(store, stream)] as const)))
}

async function write(store: EventStore, stream: string): Promise<readonly NewEvent[]> {
  const written: NewEvent[] = []
  for (let n = 0; n < APPENDS; n++) {
    const list = events(2)
    const outcome = await settled(store, stream, list, n === 0 ? 'no_stream' : BigInt(2 * n - 1))
    expect(outcome).toMatchObject({ ok: true, revision: BigInt(2 * n + 1) })
    written.push(...list)
  }
  return written
}

async function expectAll(
  store: EventStore,
  prefix: string,
  { live, written }: { live: readonly StoredEvent[]; written: ReadonlyMap<string, readonly NewEvent[]> },
): Promise<void> {
  const late = await firstEvents(store.subscribe({ prefixes: [prefix] }, { signal: never }), live.length)
  const stored = await all(store.readAll({ prefixes: [prefix] }))
  expect(idsOf(live)).toEqual(idsOf(stored))
  expect(idsOf(late)).toEqual(idsOf(stored))
  expect(stored.every((each, n) => n === 0 || comparePositions(stored[n - 1]?.position ?? '', each.position) < 0)).toBe(true)
  for (const [stream, list] of written) expect(idsOf(stored.filter((each) => each.stream === stream))).toEqual(idsOf(list))
  expect(stored).toHaveLength([...written.values()].flat().length)
}
