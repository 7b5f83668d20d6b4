import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { JetStream } from './nats-api.ts'
import { PullConsumer } from './nats-consumer.ts'
import { Link, type Wire, type WireMessage } from './nats-wire.ts'
import type { Delivery, Verdict } from './port.ts'

const spec = { stream: 'EVENTS', durable: 'd', filters: ['evt.>'], maxPending: 4, ackWaitMs: 5000, service: 's' } as const
const nothing = { headers: {}, code: 0, description: '', data: '{}' }

interface Sent {
  readonly subject: string
  readonly data: string
  readonly inbox: string | undefined
}

/** A connection of the imagination: notes what is sent, and says what the test lets it say. */
class Imagined implements Wire {
  readonly sent: Sent[] = []
  readonly heard = new Map<string, (message: WireMessage) => void>()
  readonly left: string[] = []
  readonly ended = new Promise<void>(() => undefined)
  #inboxes = 0

  request(): Promise<WireMessage> {
    return Promise.reject(new Error('nobody asks here'))
  }
  send(subject: string, data: string, inbox?: string): void {
    this.sent.push({ subject, data, inbox })
  }
  subscribe(subject: string, heard: (message: WireMessage) => void) {
    this.heard.set(subject, heard)
    return { leave: async () => void this.left.push(subject) }
  }
  inbox(): string {
    return `inbox-${++this.#inboxes}`
  }
  flush(): Promise<void> {
    return Promise.resolve()
  }
  close(): Promise<void> {
    return Promise.resolve()
  }

  get pulls(): readonly (readonly [inbox: string | undefined, batch: number])[] {
    return this.sent
      .filter(({ subject }) => subject.startsWith('$JS.API.CONSUMER.MSG.NEXT'))
      .map(({ inbox, data }) => [inbox, (JSON.parse(data) as { batch: number }).batch])
  }
  get words(): readonly string[] {
    return this.sent.filter(({ subject }) => subject.startsWith('$JS.ACK')).map(({ subject, data }) => `${subject.split('.')[5]} ${data}`)
  }
  deliver(inbox: string, seq: number, deliveries = 1): void {
    this.heard.get(inbox)?.({ ...nothing, subject: 'evt.a.0.b.C', reply: `$JS.ACK.EVENTS.d.${deliveries}.${seq}.1.1700000000000000000.0` })
  }
  say(inbox: string, code: number, headers = {}): void {
    this.heard.get(inbox)?.({ ...nothing, subject: inbox, reply: '', headers, code, description: 'so it is' })
  }
}

let wire: Imagined
let troubles: string[]
let state: { num_pending: number; num_ack_pending: number } | undefined

beforeEach(() => {
  vi.useFakeTimers()
  wire = new Imagined()
  troubles = []
  state = { num_pending: 0, num_ack_pending: 0 }
})

afterEach(() => {
  vi.useRealTimers()
})

async function consuming(handler: (delivery: Delivery) => Promise<Verdict> = async () => 'ack'): Promise<PullConsumer> {
  const link = new Link(
    async () => wire,
    () => undefined,
  )
  const api = { consumer: async () => state && { config: {}, ...state } } as unknown as JetStream
  const trouble = (error: unknown) => void troubles.push(String(error))
  const consumer = new PullConsumer(spec, handler, { link, api, trouble, failed: trouble, publish: async () => undefined, restore: async () => undefined })
  await vi.advanceTimersByTimeAsync(0)
  return consumer
}

test('asks for as many as may be handled, and again once half of them are done', async () => {
  await consuming()
  expect(wire.pulls).toEqual([['inbox-1', 4]])
  wire.deliver('inbox-1', 1)
  await vi.advanceTimersByTimeAsync(0)
  expect(wire.pulls).toHaveLength(1)
  wire.deliver('inbox-1', 2)
  await vi.advanceTimersByTimeAsync(0)
  expect(wire.pulls.slice(1)).toEqual([['inbox-1', 2]])
  expect(wire.words).toEqual(['1 +ACK', '2 +ACK'])
})

test('a question that had its time is asked again for what did not come', async () => {
  await consuming()
  wire.say('inbox-1', 408, { 'Nats-Pending-Messages': '4' })
  expect(wire.pulls).toEqual([
    ['inbox-1', 4],
    ['inbox-1', 4],
  ])
  expect(troubles).toEqual([])
})

test('heartbeats that do not come any more: the durable is read anew', async () => {
  await consuming()
  for (let beat = 0; beat < 10; beat++) {
    await vi.advanceTimersByTimeAsync(4500)
    wire.say('inbox-1', 100)
  }
  expect(wire.pulls).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(12_000)
  expect(troubles).toEqual([expect.stringContaining('its heartbeats are missing')])
  expect([wire.pulls.at(-1), wire.left]).toEqual([['inbox-2', 4], ['inbox-1']])
})

test('messages wait, the server beats, and none comes for ten seconds: the durable is read anew; not while others have what there is', async () => {
  await consuming()
  const beating = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 4000) {
      wire.say(`inbox-${wire.heard.size}`, 100)
      await vi.advanceTimersByTimeAsync(4000)
    }
  }
  state = { num_pending: 9, num_ack_pending: 4 }
  await beating(40_000)
  expect(wire.heard.size).toBe(1)
  state = { num_pending: 9, num_ack_pending: 3 }
  await beating(12_000)
  expect(troubles).toEqual([expect.stringContaining('9 messages wait and none comes')])
  expect(wire.heard.size).toBe(2)
})

test('a durable that is gone is asked for again at ever longer intervals', async () => {
  await consuming()
  for (let round = 1; round <= 12; round++) {
    wire.say(`inbox-${wire.heard.size}`, 503)
    await vi.advanceTimersByTimeAsync(round < 8 ? 200 * 2 ** round : 5001)
  }
  expect(troubles.length).toBeGreaterThan(8)
  const before = troubles.length
  wire.say(`inbox-${wire.heard.size}`, 503)
  wire.say(`inbox-${wire.heard.size}`, 503)
  await vi.advanceTimersByTimeAsync(4000)
  expect(troubles).toHaveLength(before + 1)
})

test('a message that is delivered again while its handler has it is not begun twice, and the word on it counts', async () => {
  const going = Promise.withResolvers<Verdict>()
  const handler = vi.fn(() => going.promise)
  await consuming(handler)
  wire.deliver('inbox-1', 1)
  wire.deliver('inbox-1', 1)
  going.resolve('ack')
  await vi.advanceTimersByTimeAsync(0)
  expect(handler).toHaveBeenCalledTimes(1)
  expect(wire.words).toEqual(['1 +ACK'])
})

test('a word after the end of the lease is too late; one that asks for another time is never without a delay', async () => {
  const late = Promise.withResolvers<Verdict>()
  await consuming(({ seq }) => (seq === 1n ? late.promise : Promise.resolve({ retryMs: 0 })))
  wire.deliver('inbox-1', 1)
  wire.deliver('inbox-1', 2)
  await vi.advanceTimersByTimeAsync(5000)
  late.resolve('ack')
  await vi.advanceTimersByTimeAsync(0)
  expect(wire.words).toEqual(['2 -NAK {"delay":1000000}'])
})

test('what arrives when it has been stopped is given back at once', async () => {
  const consumer = await consuming()
  const stopping = consumer.stop(1000)
  wire.deliver('inbox-1', 1)
  await vi.advanceTimersByTimeAsync(1000)
  await stopping
  expect([wire.left, wire.words]).toEqual([['inbox-1'], ['1 -NAK']])
})
