import { expect, test } from 'vitest'
import { migrateRights, natsServerConfig, rightsOf } from './nats-config.ts'

const lane = { stream: 'EVENTS', durable: 'reader-lane-0', filters: ['evt.a.0.*.Made'], maxPending: 1, ackWaitMs: 5000, service: 'reader' } as const

test('a service may say its own, read from its own durables, and hear answers to itself', () => {
  expect(rightsOf('reader', { says: ['evt.reader.>'], reads: [lane] })).toEqual({
    publish: [
      'evt.reader.>',
      '$JS.API.STREAM.INFO.*',
      '$JS.API.CONSUMER.INFO.EVENTS.reader-lane-0',
      '$JS.API.CONSUMER.MSG.NEXT.EVENTS.reader-lane-0',
      '$JS.ACK.EVENTS.reader-lane-0.*.*.*.*.*',
      '$JS.ACK.*.*.EVENTS.reader-lane-0.*.*.*.*.*',
      '$JS.ACK.*.*.EVENTS.reader-lane-0.*.*.*.*.*.*',
    ],
    subscribe: ['_INBOX.reader.>'],
  })
})

test('who looks into a stream may fetch from it; who tails it hears its subjects too', () => {
  const { publish, subscribe } = rightsOf('door', { says: [], reads: [], tails: { EVENTS: ['evt.a.>'] }, browses: ['DLQ', 'EVENTS'] })
  expect(publish).toEqual(['$JS.API.STREAM.INFO.*', '$JS.API.DIRECT.GET.EVENTS', '$JS.API.DIRECT.GET.DLQ'])
  expect(subscribe).toEqual(['_INBOX.door.>', 'evt.a.>'])
})

test('the configuration keeps what is acknowledged, and takes passwords as text or from the environment', () => {
  const users = [
    { name: 'one', password: 'p"1', rights: migrateRights('one') },
    { name: 'two', password: '$NATS_PASSWORD_TWO', rights: migrateRights('two') },
  ]
  const text = natsServerConfig({ users, storeDir: '/data', port: 4333, host: '127.0.0.1' })
  expect(text).toContain('listen: "127.0.0.1:4333"')
  expect(text).toContain('sync_interval: always')
  expect(text).toContain('password: "p\\"1"')
  expect(text).toContain('password: $NATS_PASSWORD_TWO\n')
  expect(natsServerConfig({ users, storeDir: '/data' })).toContain('port: 4222')
})
