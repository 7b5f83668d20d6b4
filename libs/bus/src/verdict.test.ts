import { Terminal, Transient } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { deadLetter, isCrashLoop, retryDelayMs, verdictOf } from './verdict.ts'

const EVENT = 'evt.identity.3.ada.PersonActivated'
const half = () => 0.5

test.each([1, 6, 21, 101, 1_000_000])('trouble that passes is retried, also at delivery %d', (deliveries) => {
  expect(verdictOf(new Transient('the database is away'), { deliveries, subject: EVENT }, half)).toHaveProperty('retryMs')
})

test.each([
  [EVENT, 5],
  ['saga.cmd.credit.ada.reserve.do', 20],
  ['saga.rep.ada.reserve', 20],
])('any other throw over %s is retried until delivery %d, and dead beyond', (subject, most) => {
  expect(verdictOf(new TypeError('no such field'), { deliveries: most, subject }, half)).toHaveProperty('retryMs')
  expect(verdictOf(new TypeError('no such field'), { deliveries: most + 1, subject }, half)).toEqual({ dead: 'exhausted', error: 'no such field' })
})

test('what is thrown need not be an error', () => {
  expect(verdictOf('a word', { deliveries: 6, subject: EVENT }, half)).toEqual({ dead: 'exhausted', error: 'a word' })
})

test.each(['schema', 'unknown_version', 'input_mismatch', 'stale', 'unroutable', 'exhausted'] as const)('%s is dead at once', (reason) => {
  expect(verdictOf(new Terminal(reason, 'says why'), { deliveries: 1, subject: EVENT }, half)).toEqual({ dead: reason, error: 'says why' })
})

test('a terminal error that is no reason to die is a throw like any other', () => {
  expect(verdictOf(new Terminal('memory.wrong_state'), { deliveries: 1, subject: EVENT }, half)).toHaveProperty('retryMs')
})

test('a hundred deliveries without an answer may be an accident, one more is a crash loop', () => {
  expect([1, 100, 101].map(isCrashLoop)).toEqual([false, false, true])
})

test('the delay doubles from a fifth of a second to half a minute, jittered down by a half at most', () => {
  expect([1, 2, 3, 8, 9, 60].map((deliveries) => retryDelayMs(deliveries, () => 1))).toEqual([200, 400, 800, 25_600, 30_000, 30_000])
  expect([1, 9].map((deliveries) => retryDelayMs(deliveries, () => 0))).toEqual([100, 15_000])
})

const delivery = { subject: EVENT, id: 'an-id', seq: 42n, headers: { 'outbox-seq': '7' }, data: '{"v":1}', deliveries: 6 }
const death = { stream: 'EVENTS', service: 'memory', reason: 'schema', error: 'broken' } as const

test('a dead letter holds the payload as it was and says where it stood; a repeat is the same letter', () => {
  expect(deadLetter(delivery, death)).toEqual({
    subject: 'dlq.memory.schema',
    id: 'EVENTS/42/memory',
    headers: {
      origin: 'EVENTS',
      'origin-seq': '42',
      'origin-subject': EVENT,
      'origin-id': 'an-id',
      'origin-headers': '{"outbox-seq":"7"}',
      reason: 'schema',
      error: 'broken',
      deliveries: '6',
    },
    data: '{"v":1}',
  })
})

test('an error text of any making can be stored in a header', () => {
  const { error } = deadLetter(delivery, { ...death, error: `one\r\ntwo\u0000${'x'.repeat(490)}\ud83d\ude00` }).headers ?? {}
  expect(error).toMatch(/^one two x+\ufffd$/)
})
