import { newId } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { LANES, laneOf } from './port.ts'

// FNV-1a 32 of the reference list (Noll): '' 811c9dc5, 'a' e40c292c, 'b' e70c2de5, 'foobar' bf9cf968; the last three bits are the lane.
test.each([
  ['', 5],
  ['a', 4],
  ['b', 5],
  ['foobar', 0],
])('the lane of %j is the hash of the reference list modulo 8', (entity, lane) => {
  expect(laneOf(entity)).toBe(lane)
})

// Golden tokens: they stand in subjects that are stored, and every adapter and every later version must give the same.
test.each([
  ['3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11', 0],
  ['01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c33', 2],
  ['00000000-0000-0000-0000-0000000000a1', 3],
  ['grüße', 0],
])('the lane of %s never changes', (entity, lane) => {
  expect(laneOf(entity)).toBe(lane)
})

test('new ids spread over all eight lanes', () => {
  const lanes = Map.groupBy(
    Array.from({ length: 8000 }, () => laneOf(newId())),
    (lane) => lane,
  )
  expect([...lanes.keys()].sort()).toEqual(Array.from({ length: LANES }, (_, lane) => lane))
  for (const each of lanes.values()) expect(each.length).toBeGreaterThan(800)
})
