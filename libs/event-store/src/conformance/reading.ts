import { expect, test } from 'vitest'
import { comparePositions } from '../port.ts'
import { all, type Bench, event, events, freshStream, idsOf } from './bench.ts'

export function reading(bench: () => Bench): void {
  test('a stream that is not there has no events', async () => {
    expect(await all(bench().store.readStream(freshStream()))).toEqual([])
  })

  test('a stream is read from a revision, up to a limit, in both directions', async () => {
    const { store } = bench()
    const stream = freshStream()
    await store.append(stream, events(10), 'no_stream')
    const revisions = async (options: Parameters<typeof store.readStream>[1]) =>
      (await all(store.readStream(stream, options))).map(({ revision }) => Number(revision))
    expect(await revisions({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(await revisions({ from: 8n })).toEqual([8, 9])
    expect(await revisions({ from: 3n, limit: 2 })).toEqual([3, 4])
    expect(await revisions({ direction: 'backward', limit: 3 })).toEqual([9, 8, 7])
    expect(await revisions({ direction: 'backward', from: 1n })).toEqual([1, 0])
    expect(await revisions({ from: 10n })).toEqual([])
  })

  test('a long stream is read whole and in order', async () => {
    const { store } = bench()
    const stream = freshStream()
    await store.append(stream, events(1201), 'no_stream')
    const read = await all(store.readStream(stream))
    expect(read.map(({ revision }) => Number(revision))).toEqual(Array.from({ length: 1201 }, (_, n) => n))
    expect(await all(store.readStream(stream, { direction: 'backward' }))).toEqual(read.toReversed())
  })

  test('large events are read whole', async () => {
    const { store } = bench()
    const stream = freshStream()
    const list = Array.from({ length: 12 }, () => event({ text: 'x'.repeat(900_000) }))
    for (const [n, each] of list.entries()) await store.append(stream, [each], n === 0 ? 'no_stream' : BigInt(n - 1))
    expect(idsOf(await all(store.readStream(stream)))).toEqual(idsOf(list))
    expect(idsOf(await all(store.readStream(stream, { direction: 'backward' })))).toEqual(idsOf(list).toReversed())
    expect(idsOf(await all(store.readAll({ prefixes: [stream] })))).toEqual(idsOf(list))
  })

  test('all events of a filter come in the order in which they were appended, after a position', async () => {
    const { store } = bench()
    const [one, other, stranger] = [freshStream(), freshStream(), freshStream()]
    const lists = [events(1), events(2), events(1), events(1)]
    await store.append(one, lists[0] ?? [], 'no_stream')
    await store.append(other, lists[1] ?? [], 'no_stream')
    await store.append(stranger, lists[2] ?? [], 'no_stream')
    await store.append(one, lists[3] ?? [], 0n)
    const read = await all(store.readAll({ prefixes: [one, other] }))
    expect(idsOf(read)).toEqual([...idsOf(lists[0] ?? []), ...idsOf(lists[1] ?? []), ...idsOf(lists[3] ?? [])])
    expect(read.toSorted((a, b) => comparePositions(a.position, b.position))).toEqual(read)
    expect(idsOf(await all(store.readAll({ prefixes: [one, other] }, read[1]?.position)))).toEqual(idsOf(read.slice(2)))
  })

  test('a reader may stop early', async () => {
    const { store } = bench()
    const stream = freshStream()
    await store.append(stream, events(1100), 'no_stream')
    let seen = 0
    for await (const _ of store.readStream(stream)) if (++seen === 3) break
    expect(seen).toBe(3)
    expect(await all(store.readStream(stream, { limit: 1 }))).toHaveLength(1)
  })
}
