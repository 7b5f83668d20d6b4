// A stub and stores on it that do not wait long, for tests of what goes wrong.
import { EventStoreDbEventStore, type EventStoreDbOptions } from '@loomworks/event-store/eventstoredb'
import { EsdbStub, type StubOptions } from './stub.ts'

/** Short enough for a test and long enough for a busy machine. */
const TIMING = { attemptMs: 700, deadlineMs: 6000, readMs: 700, quietMs: 150, liveQuietMs: 400 }

export interface Stage extends AsyncDisposable {
  readonly stub: EsdbStub
  readonly store: EventStoreDbEventStore
  /** What the stores said of trouble that they met. */
  readonly troubles: readonly unknown[]
  /** One more store of this process. */
  another(): EventStoreDbEventStore
}

export interface StageOptions extends StubOptions {
  /** Other times to wait than those of a stage. */
  readonly timing?: EventStoreDbOptions['timing']
  /** Further settings of the connection string. */
  readonly settings?: string
}

export async function esdbStage({ timing, settings = '', ...options }: StageOptions = {}): Promise<Stage> {
  const stub = await new EsdbStub(options).start()
  const stores: EventStoreDbEventStore[] = []
  const troubles: unknown[] = []
  const another = () => {
    const store = new EventStoreDbEventStore({ url: stub.url(settings), onTrouble: (error) => troubles.push(error), timing: { ...TIMING, ...timing } })
    stores.push(store)
    return store
  }
  return {
    stub,
    store: another(),
    troubles,
    another,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(stores.map((each) => each.close()))
      await stub[Symbol.asyncDispose]()
    },
  }
}
