import { setTimeout as delay } from 'node:timers/promises'
import { EsdbStub } from '@loomworks/testing/esdb-stub'
import { type Bench, eventStoreConformance } from './conformance.ts'
import { EventStoreDbEventStore } from './eventstoredb.ts'

eventStoreConformance('EventStoreDB (stub)', async (): Promise<Bench> => {
  const stub = await new EsdbStub().start()
  const stores: EventStoreDbEventStore[] = []
  const another = () => {
    const store = new EventStoreDbEventStore({ url: stub.url(), onTrouble: () => undefined })
    stores.push(store)
    return store
  }
  return {
    store: another(),
    another,
    cut: async () => {
      stub.cut()
      // Long enough for a client to come back and do something before it is cut off again.
      await delay(60)
    },
    close: async () => {
      await Promise.all(stores.map((each) => each.close()))
      await stub[Symbol.asyncDispose]()
    },
  }
})
