import { expect, test } from 'vitest'
import { deliveredOf, headersOf, lookedUpOf } from './nats-message.ts'

const message = (reply: string, headers = {}) => ({ subject: 'evt.a.0.b.C', reply, headers, code: 0, description: '', data: '{}' })

test.each([
  '$JS.ACK.EVENTS.memory-lane-0.3.42.7.1700000000123456789.5',
  '$JS.ACK._.account.EVENTS.memory-lane-0.3.42.7.1700000000123456789.5',
  '$JS.ACK.hub.account.EVENTS.memory-lane-0.3.42.7.1700000000123456789.5.token',
])('place, time and deliveries stand in the subject of the acknowledgement: %s', (reply) => {
  const headers = { 'Nats-Msg-Id': 'id', traceparent: 'trace' }
  expect(deliveredOf(message(reply, headers), 'EVENTS')).toEqual({
    id: 'id',
    seq: 42n,
    subject: 'evt.a.0.b.C',
    headers: { traceparent: 'trace' },
    data: '{}',
    publishedAt: '2023-11-14T22:13:20.123Z',
    deliveries: 3,
    ackSubject: reply,
  })
})

test('a message that was looked up says where it stands in its headers, and shows those of its publisher alone', () => {
  const headers = { 'Nats-Subject': 'evt.x.0.y.Z', 'Nats-Sequence': '7', 'Nats-Time-Stamp': '2023-11-14T22:13:20.123456Z', 'Nats-Stream': 'EVENTS', mine: 'x' }
  expect(lookedUpOf(message('', headers), 'EVENTS')).toMatchObject({ id: 'EVENTS/7', seq: 7n, subject: 'evt.x.0.y.Z', headers: { mine: 'x' } })
})

test('a letter has room for what its message may have said in its headers', () => {
  const most = JSON.stringify({ a: '"'.repeat(8000) })
  const base = { id: 'id', data: '{}' }
  expect(() => headersOf({ ...base, subject: 'dlq.a.schema', headers: { 'origin-headers': most } })).not.toThrow()
  expect(() => headersOf({ ...base, subject: 'evt.a.0.b.C', headers: { a: 'x'.repeat(8200) } })).toThrow(
    expect.objectContaining({ code: 'bus.message_too_large' }),
  )
})
