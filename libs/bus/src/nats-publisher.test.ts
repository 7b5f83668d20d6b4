import { setImmediate } from 'node:timers/promises'
import { Terminal, Transient } from '@loomworks/kernel'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NatsPublisher, type Receipt } from './nats-publisher.ts'
import type { Outgoing } from './port.ts'

const message = (n: number): Outgoing => ({ subject: 'evt.a.0.b.C', id: String(n), data: '{}' })
const messages = (count: number) => Array.from({ length: count }, (_, n) => message(n))
const idsOf = (list: readonly Outgoing[]) => list.map(({ id }) => id)

/** A server that takes what comes in its order and knows ids it has seen. What a connection carried when it was lost is lost with it,
 *  or was stored and only the acknowledgement is lost; nothing after that comes through. */
function server(fate: (message: Outgoing) => 'stored' | 'unheard' | 'unsaid' | Error = () => 'stored') {
  const kept: Outgoing[] = []
  let most = 0
  let flying = 0
  let lost = false
  const send = async (sent: Outgoing): Promise<Receipt> => {
    most = Math.max(most, ++flying)
    const end = lost ? 'unheard' : fate(sent)
    lost ||= end === 'unheard' || end === 'unsaid'
    const known = kept.findIndex(({ id }) => id === sent.id)
    const seq = end === 'stored' || end === 'unsaid' ? (known < 0 ? kept.push(sent) : known + 1) : 0
    await setImmediate()
    if (--flying === 0) lost = false
    if (end instanceof Error) throw end
    if (end !== 'stored') throw new Transient('the connection was lost')
    return { seq: BigInt(seq), duplicate: known >= 0 }
  }
  const publisher = new NatsPublisher({ send, connected: () => false, ready: () => Promise.resolve() })
  return { kept, publisher, most: () => most }
}

test('many go at once, a window full at most, in their order', async () => {
  const { kept, publisher, most } = server()
  const sent = messages(1500)
  const receipts = await Promise.all(sent.map((each) => publisher.publish(each, 5000)))
  expect(receipts.map(({ seq }) => seq)).toEqual(sent.map((_, n) => BigInt(n + 1)))
  expect(idsOf(kept)).toEqual(idsOf(sent))
  expect(most()).toBe(128)
})

test('wherever connections are lost, what is handed over is stored once and in its order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('stored', 'stored', 'stored', 'unheard', 'unsaid'), { maxLength: 60 }), async (fates) => {
      const { kept, publisher } = server(() => fates.pop() ?? 'stored')
      const sent = messages(40)
      const receipts = await Promise.all(sent.map((each) => publisher.publish(each, 5000)))
      expect(idsOf(kept)).toEqual(idsOf(sent))
      expect(receipts.map(({ seq }) => seq)).toEqual(sent.map((_, n) => BigInt(n + 1)))
    }),
    { numRuns: 200 },
  )
})

test('a message that is refused fails alone', async () => {
  const { kept, publisher } = server(({ id }) => (id === '2' ? new Terminal('bus.subject_refused') : 'stored'))
  const outcomes = await Promise.allSettled(messages(5).map((each) => publisher.publish(each, 1000)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(idsOf(kept)).toEqual(['0', '1', '3', '4'])
})

test('without a connection a message fails at its deadline and is never sent; when the server will not have us it fails at once', async () => {
  const sent: Outgoing[] = []
  const away = new NatsPublisher({
    send: async () => Promise.reject(new Transient('away')),
    connected: () => false,
    ready: (signal) => new Promise((_, failed) => signal.addEventListener('abort', () => failed(new Transient('closed')))),
  })
  const began = performance.now()
  await expect(away.publish(message(1), 60)).rejects.toThrow('in time')
  expect(performance.now() - began).toBeLessThan(1000)
  const late = away.publish(message(2), 5000)
  away.close()
  await expect(late).rejects.toThrow('closed')
  await away.settled()
  expect(sent).toEqual([])

  const refused = new NatsPublisher({
    send: async () => Promise.reject(new Transient('away')),
    connected: () => false,
    ready: async () => Promise.reject(new Terminal('bus.login_refused')),
  })
  await expect(refused.publish(message(1), 5000)).rejects.toMatchObject({ code: 'bus.login_refused' })
})

test('settled is when nothing is under way', async () => {
  const { kept, publisher } = server()
  await publisher.settled()
  for (const each of messages(300)) void publisher.publish(each, 1000)
  await publisher.settled()
  expect(kept).toHaveLength(300)
})
