import { expect, test } from 'vitest'
import { Stretch } from './eventstoredb-feed.ts'
import type { StoredEvent } from './port.ts'

test('a stretch holds its latest events, and says from where on it is whole', () => {
  const stretch = new Stretch('0', { events: 100, weight: 1_000_000 })
  for (let n = 1; n <= 10_000; n++) {
    stretch.add(eventAt(n, 'x'))
    expect(stretch.size).toBeLessThanOrEqual(100)
  }
  const floor = Number(stretch.floor)
  expect(floor).toBeGreaterThan(9_800)
  for (let n = floor; n < 10_000; n++) expect(stretch.after(String(n))?.position).toBe(String(n + 1))
  expect(stretch.after('10000')).toBeUndefined()
})

test('a stretch of large events is shorter', () => {
  const stretch = new Stretch('0', { events: 1000, weight: 100_000 })
  for (let n = 1; n <= 1000; n++) {
    stretch.add(eventAt(n, 'x'.repeat(10_000)))
    expect(stretch.size).toBeLessThanOrEqual(10)
  }
})

function eventAt(position: number, text: string): StoredEvent {
  return { id: String(position), type: 'Noted', body: { text }, stream: 's-1', revision: BigInt(position), position: String(position), recordedAt: '' }
}
