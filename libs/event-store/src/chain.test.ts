import { chained, type Envelope, newId, type Unchained } from '@loomworks/kernel'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { verifyChain } from './chain.ts'

const RUNS = 100
const streams = fc
  .array(fc.dictionary(fc.string({ maxLength: 8 }), fc.oneof(fc.string(), fc.integer(), fc.boolean())), { minLength: 2, maxLength: 12 })
  .map(stream)

test('an untouched stream verifies from its first event to its last', () =>
  property(streams, (events) => {
    expect(verifyChain(events)).toEqual({ ok: true, events: events.length, head: events.at(-1)?.hash })
  }))

test('a changed event is found where it stands', () =>
  property(places(), ({ events, place }) => {
    const changed = events.map((event, n) => (n === place ? { ...event, data: { ...event.data, forged: true } } : event))
    expect(verifyChain(changed)).toMatchObject({ ok: false, events: place, firstBad: { index: place, eventId: events[place]?.id } })
  }))

test('an event changed with its own hash made anew is found at the one behind it', () =>
  property(places(1), ({ events, place }) => {
    const forged = chained([{ ...events[place], data: { forged: true } } as Unchained], events[place]?.prevHash ?? '')
    expect(verifyChain(events.toSpliced(place, 1, ...forged))).toMatchObject({ ok: false, firstBad: { index: place + 1 } })
  }))

test('a dropped event is found at the one behind it', () =>
  property(places(1), ({ events, place }) => {
    expect(verifyChain(events.toSpliced(place, 1))).toMatchObject({ ok: false, firstBad: { index: place } })
  }))

test('two events that changed places are found at the first', () =>
  property(places(1), ({ events, place }) => {
    const swapped = events.toSpliced(place, 2, events[place + 1] as Envelope, events[place] as Envelope)
    expect(verifyChain(swapped)).toMatchObject({ ok: false, firstBad: { index: place } })
  }))

test('the rest of a stream verifies from the head before it', () =>
  property(places(1), ({ events, place }) => {
    expect(verifyChain(events.slice(place + 1), events[place]?.hash)).toMatchObject({ ok: true, events: events.length - place - 1 })
  }))

/** A failing run says its seed. */
function property<T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, holds), { numRuns: RUNS })
}

/** A stream and a place in it, with so many events behind the place at least. */
function places(behind = 0): fc.Arbitrary<{ events: readonly Envelope[]; place: number }> {
  return streams.chain((events) => fc.record({ events: fc.constant(events), place: fc.integer({ min: 0, max: events.length - 1 - behind }) }))
}

function stream(data: readonly Readonly<Record<string, string | number | boolean>>[]): readonly Envelope[] {
  return chained(data.map(unchained), '0'.repeat(64))
}

function unchained(data: Readonly<Record<string, string | number | boolean>>, n: number): Unchained {
  const id = newId(n)
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
  const at = '2030-01-02T03:04:05.678Z'
  return {
    id,
    type: 'Noted',
    v: 1,
    at,
    actor: { kind: 'service', id: 'operator' },
    correlationId: id,
    causationId: id,
    traceparent,
    sources: [],
    trust: 'untrusted',
    data,
  }
}
