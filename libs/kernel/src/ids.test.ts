import fc from 'fast-check'
import { expect, test } from 'vitest'
import { derivedId, idOf, newId } from './ids.ts'

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'

test('a new id is a UUIDv7 of its millisecond', () => {
  expect(newId(0x017f22e279b0)).toMatch(/^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(newId(0)).toMatch(/^00000000-0000-7/)
})

test('ids of later milliseconds sort behind earlier ones', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.integer({ min: 1, max: 2 ** 31 }), (at, gap) => {
      expect(newId(at) < newId(at + gap)).toBe(true)
    }),
  )
})

test('no two new ids are the same, nor do their random bits stand still', () => {
  const ids = Array.from({ length: 2000 }, () => newId(1))
  expect(new Set(ids).size).toBe(ids.length)
  // Every one of the 18 random hex digits (the variant's apart) takes all its values.
  for (const place of [15, 16, 17, 20, 21, 22, ...Array.from({ length: 12 }, (_, at) => 24 + at)])
    expect(new Set(ids.map((id) => id[place])).size, `digit ${place}`).toBe(16)
})

test.each([
  ['www.example.com', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
  ['python.org', '886313e1-3b8a-5372-9b90-0c9aee199e5d'],
])('the UUIDv5 of %s is the one RFC 9562 and others compute', (name, id) => {
  expect(derivedId(DNS, name)).toBe(id)
})

test('one cause has one id, whatever its parts are made of', () => {
  expect(derivedId(DNS, 'saga', 1, 2n)).toBe(derivedId(DNS, 'saga', '1', '2'))
  expect(derivedId(DNS, 'saga', 1)).not.toBe(derivedId(DNS, 'saga', 2))
  expect(derivedId(DNS.toUpperCase(), 'saga')).toBe(derivedId(DNS, 'saga'))
})

test('an id is read in any case and kept in lower case; what is no UUID is none', () => {
  const schema = idOf<'person'>()
  expect(schema.parse('2ED6657D-E927-568B-95E1-2665A8AEA6A2')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
  expect(schema.parse('00000000-0000-0000-0000-000000000001')).toBe('00000000-0000-0000-0000-000000000001')
  for (const wrong of ['', 'me', '2ed6657de927568b95e12665a8aea6a2', '2ed6657d-e927-568b-95e1-2665a8aea6a2\n', '{2ed6657d-e927-568b-95e1-2665a8aea6a2}'])
    expect(schema.safeParse(wrong).success, wrong).toBe(false)
})
