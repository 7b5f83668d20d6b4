import { setTimeout as delay } from 'node:timers/promises'
import { EsdbStub } from '@loomworks/testing/esdb-stub'
import { test } from 'vitest'
import { type Bench, eventStoreConformance } from './conformance.ts'
import { EventStoreDbEventStore } from './eventstoredb.ts'

const realUrl = process.env.EVENTSTORE_TEST_URL

eventStoreConformance('EventStoreDB (stub)', async () => {
  const stub = await new EsdbStub().start()
  return benchOn(stub.url(), () => stub[Symbol.asyncDispose](), {
    cut: async () => {
      stub.cut()
      // Long enough for a client to come back and do something before it is cut off again.
      await delay(60)
    },
  })
})

if (realUrl === undefined) test('real EventStoreDB', ({ skip }) => skip('EVENTSTORE_TEST_URL names no server; the conformance suite ran on the stub alone'))
else
  eventStoreConformance('EventStoreDB (EVENTSTORE_TEST_URL)', async () =>
    benchOn(realUrl, async () => undefined, { uncut: 'the server of EVENTSTORE_TEST_URL is not ours to cut' }),
  )

function benchOn(url: string, end: () => Promise<void>, cutting: Pick<Bench, 'cut' | 'uncut'>): Bench {
  const stores: EventStoreDbEventStore[] = []
  const another = () => {
    const store = new EventStoreDbEventStore({ url, onTrouble: () => undefined })
    stores.push(store)
    return store
  }
  return {
    store: another(),
    another,
    ...cutting,
    close: async () => {
      await Promise.all(stores.map((each) => each.close()))
      await end()
    },
  }
}
