import { newId, Terminal } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { MAX_APPEND_BYTES, type NewEvent } from '../port.ts'
import { all, type Bench, event, events, freshStream, idsOf } from './bench.ts'

export function appending(bench: () => Bench): void {
  test('a new stream begins at revision 0', async () => {
    const { store } = bench()
    expect(await store.append(freshStream(), events(3), 'no_stream')).toMatchObject({ ok: true, revision: 2n })
  })

  test('no_stream on a stream that is there is a conflict that says where it stands', async () => {
    const { store } = bench()
    const stream = freshStream()
    await store.append(stream, events(2), 'no_stream')
    expect(await store.append(stream, events(1), 'no_stream')).toEqual({ ok: false, actual: 1n })
  })

  test('an expected revision is taken when it is the last one, and else a conflict', async () => {
    const { store } = bench()
    const stream = freshStream()
    await store.append(stream, events(2), 'no_stream')
    expect(await store.append(stream, events(1), 0n)).toEqual({ ok: false, actual: 1n })
    expect(await store.append(stream, events(1), 5n)).toEqual({ ok: false, actual: 1n })
    expect(await store.append(stream, events(1), 1n)).toMatchObject({ ok: true, revision: 2n })
    expect(await store.append(freshStream(), events(1), 0n)).toEqual({ ok: false, actual: undefined })
  })

  test('exists asks for a stream, whatever its revision', async () => {
    const { store } = bench()
    const stream = freshStream()
    expect(await store.append(stream, events(1), 'exists')).toEqual({ ok: false, actual: undefined })
    await store.append(stream, events(2), 'no_stream')
    expect(await store.append(stream, events(1), 'exists')).toMatchObject({ ok: true, revision: 2n })
  })

  test('the same list after the same expectation is one append, with the answer of the first time', async () => {
    const { store } = bench()
    const stream = freshStream()
    const [first, second] = [events(2), events(2)]
    await store.append(stream, first, 'no_stream')
    const original = await store.append(stream, second, 1n)
    await store.append(stream, events(3), 3n)
    expect(await store.append(stream, second, 1n)).toEqual(original)
    expect(await store.append(stream, first, 'no_stream')).toMatchObject({ ok: true, revision: 1n })
    expect(await all(store.readStream(stream))).toHaveLength(7)
  })

  test('nothing else is a repeat: another id in the list, or another expectation', async () => {
    const { store } = bench()
    const stream = freshStream()
    const list = events(2)
    await store.append(stream, list, 'no_stream')
    await store.append(stream, events(1), 1n)
    expect(await store.append(stream, [...list.slice(0, 1), event()], 'no_stream')).toEqual({ ok: false, actual: 2n })
    expect(await store.append(stream, list, 0n)).toEqual({ ok: false, actual: 2n })
  })

  test('an old id at the current revision is stored again: ids protect a retry and nothing more', async () => {
    const { store } = bench()
    const stream = freshStream()
    const list = events(1)
    await store.append(stream, list, 'no_stream')
    expect(await store.append(stream, list, 0n)).toMatchObject({ ok: true, revision: 1n })
    expect(idsOf(await all(store.readStream(stream)))).toEqual([...idsOf(list), ...idsOf(list)])
  })

  test('an append of exactly the largest size is taken', async () => {
    const { store } = bench()
    expect(await store.append(freshStream(), largest(0), 'no_stream')).toMatchObject({ ok: true, revision: 1n })
  })

  test.each(REFUSED)('$what is refused before anything is sent', async ({ list }) => {
    const { store } = bench()
    const stream = freshStream()
    const refusal = await store.append(stream, list(), 'no_stream').catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(Terminal)
    expect(refusal).toMatchObject({ code: 'event_store.invalid_append' })
    expect(await all(store.readStream(stream))).toEqual([])
  })

  test('what is read is what was given', async () => {
    const { store } = bench()
    const stream = freshStream()
    const given = { id: newId(), type: 'Größe', body: { text: 'naïve \u0000 \\ "quoted"\n\t {a,b} 𝄞', nested: { list: [1, null, true, 1.5e-7] }, empty: {} } }
    const appended = await store.append(stream, [given], 'no_stream')
    const [stored] = await all(store.readStream(stream))
    expect(stored).toMatchObject({ ...given, stream, revision: 0n, position: appended.ok ? appended.position : '' })
    expect(new Date(stored?.recordedAt ?? '').toISOString()).toBe(stored?.recordedAt)
  })

  test('of appends made at the same moment a conflict fails alone', async () => {
    const { store } = bench()
    const [taken, other] = [freshStream(), freshStream()]
    await store.append(taken, events(1), 'no_stream')
    const outcomes = await Promise.all([
      store.append(other, events(1), 'no_stream'),
      store.append(taken, events(1), 'no_stream'),
      store.append(taken, events(2), 0n),
      store.append(freshStream(), events(1), 'exists'),
      store.append(freshStream(), events(1), 'no_stream'),
    ])
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true, false, true])
  })

  test('of twenty appends after one revision exactly one is taken', async () => {
    const { store } = bench()
    const stream = freshStream()
    await store.append(stream, events(1), 'no_stream')
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.append(stream, events(2), 0n)))
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    expect(await all(store.readStream(stream))).toHaveLength(3)
  })
}

const REFUSED: readonly { readonly what: string; readonly list: () => readonly NewEvent[] }[] = [
  { what: 'an empty list', list: () => [] },
  { what: 'an empty type', list: () => [event(), { ...event(), type: '' }] },
  { what: 'an id that is no UUID', list: () => [event(), { ...event(), id: 'note-1' }] },
  { what: 'one id twice', list: () => repeated(event()) },
  { what: 'a sum over the limit', list: () => largest(1) },
]

function repeated(one: NewEvent): readonly NewEvent[] {
  return [one, event(), { ...one, id: one.id.toUpperCase() }]
}

/** Two events that together hold the most bytes an append may have, and so many more. */
function largest(more: number): readonly NewEvent[] {
  const textOf = (bytes: number) => 'x'.repeat(bytes - 'Noted{"text":""}'.length)
  return [700_000, MAX_APPEND_BYTES - 700_000 + more].map((bytes) => event({ text: textOf(bytes) }))
}
