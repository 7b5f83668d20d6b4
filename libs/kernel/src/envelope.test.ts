import { expect, test } from 'vitest'
import { chained, Envelope, envelopeHash, GENESIS, type Unchained } from './envelope.ts'
import { sha256 } from './hash.ts'
import { derivedId, newId } from './ids.ts'
import { canonicalJson } from './json.ts'

const event = (data: Unchained['data'], extra: Partial<Unchained> = {}): Unchained => ({
  id: derivedId(newId(0), 1),
  type: 'MemoryAdded',
  v: 1,
  at: '2030-01-02T03:04:05.678Z',
  actor: { kind: 'person', id: newId() },
  correlationId: 'c',
  causationId: 'c',
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  sources: [],
  trust: 'direct_user',
  data,
  ...extra,
})

test('each event is tied to the one before it, the first to nothing', () => {
  const [first, second] = chained([event({ n: 1 }), event({ n: 2 })], GENESIS)
  expect(first?.prevHash).toBe('0'.repeat(64))
  expect(second?.prevHash).toBe(first?.hash)
  for (const each of [first, second]) expect(Envelope.parse(each)).toEqual(each)
})

test('a batch goes on where the stream ended, as if it had been one', () => {
  const [a, b] = [event({ n: 1 }), event({ n: 2 })]
  const together = chained([a, b], GENESIS)
  const apart = chained([b], chained([a], GENESIS)[0]?.hash ?? '')
  expect(apart[0]).toEqual(together[1])
})

test('the hash is over everything but itself, sealed payload included', () => {
  const [stored] = chained([event({ n: 1 }, { sealed: { text: 'ciphertext' } })], GENESIS)
  if (stored === undefined) throw new Error('nothing chained')
  const { hash, ...rest } = stored
  expect(hash).toBe(sha256(canonicalJson(rest)))
  expect(envelopeHash(stored)).toBe(hash)
  for (const spoilt of [{ data: { n: 2 } }, { at: '2030-01-02T03:04:05.679Z' }, { sealed: { text: 'other' } }, { prevHash: 'f'.repeat(64) }])
    expect(envelopeHash({ ...stored, ...spoilt })).not.toBe(hash)
})

test('an envelope with a member more, or a trace that is none, is no envelope', () => {
  const [stored] = chained([event({})], GENESIS)
  expect(Envelope.safeParse({ ...stored, extra: 1 }).success).toBe(false)
  expect(Envelope.safeParse({ ...stored, traceparent: '00-1-2-01' }).success).toBe(false)
  expect(Envelope.safeParse({ ...stored, v: 0 }).success).toBe(false)
})
