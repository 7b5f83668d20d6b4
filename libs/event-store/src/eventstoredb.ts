// The event store on EventStoreDB (KurrentDB): the only file that imports its driver. What the driver cannot do by itself is done
// in the files beside this one: one client for the process, own timers, and a feed for all subscriptions (architecture §6).
import { type AllStreamSubscription, type EventData, EventStoreDBClient, type RecordedEvent, type StreamingRead, streamNameFilter } from '@eventstore/db-client'
import { type JsonObject, Terminal, Transient } from '@loomworks/kernel'
import { checkedAppend } from './checked.ts'
import { type Address, addressOf, type Node } from './eventstoredb-address.ts'
import { TIMING, type Timing } from './eventstoredb-connection.ts'
import { BEGINNING, type Cancel, type Driver, type Entry, type Follower, type Reader, type StreamRange } from './eventstoredb-driver.ts'
import { isType } from './eventstoredb-failure.ts'
import { expectLeader, probe } from './eventstoredb-info.ts'
import { PAGE, streamPage } from './eventstoredb-page.ts'
import { join, type Membership } from './eventstoredb-process.ts'
import { followAll, readAllOn } from './eventstoredb-subscribe.ts'
import type { Appended, Conflict, Delivery, EventStore, Expected, Filter, NewEvent, Position, ReadOptions, StoredEvent } from './port.ts'

export interface EventStoreDbOptions {
  /** `esdb://host:port?tls=true` or `esdb+discover://…`; `tlsCAFile` names the certificate that is trusted. */
  readonly url: string
  /** Says that the client was replaced or a subscription broke; the store goes on by itself. */
  readonly onTrouble: (error: unknown) => void
  /** Other times to wait, for tests. The stores of a process share those of the first. */
  readonly timing?: Partial<Timing>
}

export class EventStoreDbEventStore implements EventStore {
  readonly #address: Address
  readonly #membership: Membership
  readonly #stop = new AbortController()

  /** Connects when it is first used. Throws Terminal where the URL is not understood. */
  constructor({ url, onTrouble, timing }: EventStoreDbOptions) {
    const address = addressOf(url)
    this.#address = address
    const times = { ...TIMING, ...timing }
    this.#membership = join({ onTrouble }, { url, timing: times, open: (leader) => opened(address, leader, times.readMs) })
  }

  async append(stream: string, events: readonly NewEvent[], expected: Expected): Promise<Appended | Conflict> {
    const checked = checkedAppend(stream, events, expected)
    const list = checked.map(({ id, type }, index) => ({ id, type, body: events[index]?.body ?? {} }))
    const deadline = performance.now() + this.#timing.deadlineMs
    return expected === 'exists' ? this.#appendToExisting(stream, list, deadline) : this.#append(stream, list, { expected, deadline })
  }

  async *readStream(stream: string, { from, limit = Number.POSITIVE_INFINITY, direction = 'forward' }: ReadOptions = {}): AsyncIterable<StoredEvent> {
    let next = from
    for (let open = limit; open > 0; ) {
      const { events, isFull } = await this.#page(stream, { from: next, direction, most: Math.min(open, PAGE.events) })
      yield* events
      const last = events.at(-1)
      if (!isFull || last === undefined || (direction === 'backward' && last.revision === 0n)) return
      next = last.revision + (direction === 'forward' ? 1n : -1n)
      open -= events.length
    }
  }

  async *readAll(filter: Filter, from: Position = BEGINNING): AsyncIterable<StoredEvent> {
    this.#expectOpen()
    yield* readAllOn(this.#membership.shared, filter, from)
  }

  async *subscribe(filter: Filter, { from = BEGINNING, signal }: { readonly from?: Position; readonly signal: AbortSignal }): AsyncIterable<Delivery> {
    yield* followAll(this.#membership.shared, { filter, from, over: AbortSignal.any([signal, this.#stop.signal]) })
  }

  async health(): Promise<void> {
    this.#expectOpen()
    await expectLeader(this.#address, this.#timing.readMs).catch((error: unknown) => {
      throw error instanceof Terminal || error instanceof Transient ? error : new Transient('the event store does not answer', { cause: error })
    })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#membership.leave()
  }

  get #timing(): Timing {
    return this.#membership.shared.connection.timing
  }

  #expectOpen(): void {
    if (this.#stop.signal.aborted) throw new Transient('the event store is closed')
  }

  async #append(
    stream: string,
    events: readonly NewEvent[],
    { expected, deadline }: { readonly expected: 'no_stream' | bigint; readonly deadline: number },
  ): Promise<Appended | Conflict> {
    this.#expectOpen()
    const { connection, appends } = this.#membership.shared
    try {
      return await appends.run(
        () =>
          connection.askUntil((driver) => ({ answer: driver.append(stream, events, expected) }), {
            attemptMs: this.#timing.attemptMs,
            deadline,
          }),
        deadline,
      )
    } catch (error) {
      if (!isType(error, 'wrong-expected-version')) throw error
      const { actualVersion } = error as { readonly actualVersion?: unknown }
      return { ok: false, actual: typeof actualVersion === 'bigint' ? actualVersion : undefined }
    }
  }

  /** `exists` is sent as the revision that is there. Under an expectation of its own the server would take ids that it happens to
   *  remember for a repeat, and an append whose outcome is unknown could not be sent again. */
  async #appendToExisting(stream: string, events: readonly NewEvent[], deadline: number): Promise<Appended | Conflict> {
    let [last] = (await this.#page(stream, { from: undefined, direction: 'backward', most: 1 })).events.map(({ revision }) => revision)
    while (last !== undefined) {
      const outcome = await this.#append(stream, events, { expected: last, deadline })
      if (outcome.ok) return outcome
      last = outcome.actual
    }
    return { ok: false, actual: undefined }
  }

  #page(stream: string, range: StreamRange): Promise<{ readonly events: readonly StoredEvent[]; readonly isFull: boolean }> {
    this.#expectOpen()
    const { connection, reads } = this.#membership.shared
    const deadline = performance.now() + this.#timing.deadlineMs
    return reads.run(() => connection.askUntil(streamPage(stream, range), { attemptMs: this.#timing.readMs, deadline }), deadline)
  }
}

/** A client that may be used: its server answers and is new enough. */
async function opened(address: Address, leader: Node | undefined, timeoutMs: number): Promise<Driver> {
  await probe(address, timeoutMs)
  return driverOf(EventStoreDBClient.connectionString(address.clientUrl(leader)))
}

function driverOf(client: EventStoreDBClient): Driver {
  return {
    append: (stream, events, expected) => append(client, stream, { events, expected }),
    readStream: (stream, { from, direction, most }, reader) =>
      read(
        client.readStream(stream, {
          maxCount: most,
          direction: direction === 'forward' ? 'forwards' : 'backwards',
          fromRevision: from ?? (direction === 'forward' ? 'start' : 'end'),
        }),
        reader,
      ),
    readLog: (from, most, reader) => read(client.readAll({ maxCount: most, fromPosition: positionOf(from) }), reader),
    subscribe: (filter, after, follower) => subscribe(client, { filter, after, follower }),
    dispose: () => dispose(client),
  }
}

interface Appending {
  readonly events: readonly NewEvent[]
  readonly expected: 'no_stream' | bigint
}

async function append(client: EventStoreDBClient, stream: string, { events, expected }: Appending): Promise<Appended> {
  const list = events.map(({ id, type, body }): EventData => ({ id, type, data: body, contentType: 'application/json', metadata: undefined }))
  const { nextExpectedRevision, position } = await client.appendToStream(stream, list, { expectedRevision: expected })
  if (position === undefined) throw new Terminal('event_store.broken', 'an append that was taken has a position')
  return { ok: true, revision: nextExpectedRevision, position: String(position.commit) }
}

type Resolved = { readonly event?: RecordedEvent }

function read(stream: StreamingRead<Resolved>, reader: Reader): Cancel {
  let over = false
  const end = (error?: unknown) => {
    if (over) return
    over = true
    reader.end(error)
  }
  stream.on('data', ({ event }: Resolved) => {
    if (!over && event !== undefined) guarded(() => reader.entry(entryOf(event)), end)
  })
  stream.on('end', () => end())
  // The client may report an error twice.
  stream.on('error', end)
  return () => {
    over = true
    void stream.cancel().catch(() => undefined)
  }
}

interface Subscription {
  readonly filter: Filter
  readonly after: Position
  readonly follower: Follower
}

/** Events are listened to and not taken from the client's buffer: there, checkpoints and "caught up" would overtake them. */
function subscribe(client: EventStoreDBClient, { filter, after, follower }: Subscription): Cancel {
  let over = false
  const stream: AllStreamSubscription = client.subscribeToAll({
    fromPosition: positionOf(after),
    filter: streamNameFilter({
      prefixes: [...filter.prefixes],
      checkpointInterval: 1,
      maxSearchWindow: SEARCH_WINDOW,
      checkpointReached: async (_, { commit }) => {
        if (!over) follower.checkpoint(String(commit))
      },
    }),
  })
  const end = (error?: unknown) => {
    if (over) return
    over = true
    follower.end(error)
  }
  stream.on('confirmation', () => over || follower.confirmed())
  stream.on('caughtUp', () => over || follower.caughtUp())
  stream.on('data', ({ event }: Resolved) => {
    if (!over && event !== undefined) guarded(() => follower.entry(entryOf(event)), end)
  })
  stream.on('end', () => end())
  stream.on('error', end)
  return () => {
    over = true
    void stream.unsubscribe().catch(() => undefined)
  }
}

/** Events looked at between two checkpoints. */
const SEARCH_WINDOW = 256

/** What a listener throws would end the process. */
function guarded(work: () => void, failed: (error: unknown) => void): void {
  try {
    work()
  } catch (error) {
    failed(error)
  }
}

/** The end of a stream that was deleted for ever is an event with this revision. */
const TOMBSTONE = 2n ** 63n - 1n

function entryOf({ id, type, data, streamId, revision, position, created }: RecordedEvent): Entry {
  const at = String(position?.commit ?? 0n)
  if (revision === TOMBSTONE || streamId.startsWith('$')) return { position: at }
  return { position: at, event: { id, type, body: objectOf(data), stream: streamId, revision, position: at, recordedAt: created.toISOString() } }
}

function objectOf(data: unknown): JsonObject {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Uint8Array)
    throw new Terminal('event_store.broken', 'the body of an event is an object')
  return data as JsonObject
}

/** An event that came by gRPC stands at one place: its commit and its prepare position are the same. */
function positionOf(position: Position) {
  return position === BEGINNING ? 'start' : { commit: BigInt(position), prepare: BigInt(position) }
}

/** The client shows its channel to nobody and leaves it open, and a next client of the same address would take over its connection,
 *  also one that hangs. */
const CHANNEL = 'getChannel'

async function dispose(client: EventStoreDBClient): Promise<void> {
  await client.dispose()
  const channel = await client[CHANNEL]()
  channel.close()
}
