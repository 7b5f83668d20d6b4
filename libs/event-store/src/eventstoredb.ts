// The event store on EventStoreDB (KurrentDB): the only file that imports its driver. What the driver cannot do by itself is done
// in the files beside this one: one client for the process, own timers, and a feed for all subscriptions (architecture §6).
import { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type AllStreamSubscription, type EventData, EventStoreDBClient, type RecordedEvent, type StreamingRead, streamNameFilter } from '@eventstore/db-client'
import { type JsonObject, Terminal, Transient } from '@loomworks/kernel'
import { checkedAppend } from './checked.ts'
import { type Address, addressOf, type Node } from './eventstoredb-address.ts'
import { type Ask, TIMING, type Timing } from './eventstoredb-connection.ts'
import { BEGINNING, type Cancel, type Driver, type Entry, type Follower, type Reader, type StreamRange, type Taken } from './eventstoredb-driver.ts'
import { isType } from './eventstoredb-failure.ts'
import { expectLeader, probe } from './eventstoredb-info.ts'
import { PAGE, streamPage } from './eventstoredb-page.ts'
import { join, type Membership } from './eventstoredb-process.ts'
import { Sluice } from './eventstoredb-sluice.ts'
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

interface Judged {
  readonly expected: 'no_stream' | bigint
  readonly deadline: number
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

  append(stream: string, events: readonly NewEvent[], expected: Expected): Promise<Appended | Conflict> {
    try {
      checkedAppend(stream, events, expected)
      this.#expectOpen()
    } catch (error) {
      return Promise.reject(error)
    }
    const deadline = performance.now() + this.#timing.deadlineMs
    return expected === 'exists' ? this.#appendToExisting(stream, events, deadline) : this.#append(stream, events, { expected, deadline })
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

  #append(stream: string, events: readonly NewEvent[], { expected, deadline }: Judged): Promise<Appended | Conflict> {
    const { connection, appends } = this.#membership.shared
    const ask: Ask<Taken> = (driver) => driver.append(stream, events, expected)
    const send = () =>
      connection.askUntil(ask, { attemptMs: this.#timing.attemptMs, deadline }).then(
        (taken) => {
          appends.give()
          return appendedOf(taken)
        },
        (error: unknown) => {
          appends.give()
          return conflictOf(error)
        },
      )
    const turn = appends.take(deadline)
    return turn === undefined ? send() : turn.then(send)
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
  const sluice = new Sluice(() => appendsOf(client))
  const ended = () => sluice.answered()
  return {
    append: (stream, events, expected) => {
      const turn = sluice.pass()
      const send = () => client.appendToStream(stream, events.map(sentOf), { expectedRevision: expected })
      return { answer: turn === undefined ? send() : turn.then(send), ended }
    },
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

function sentOf({ id, type, body }: NewEvent): EventData {
  return { id: id.toLowerCase(), type, data: body, contentType: 'application/json', metadata: undefined }
}

function appendedOf({ nextExpectedRevision, position }: Taken): Appended {
  if (position === undefined) throw new Terminal('event_store.broken', 'an append that was taken has a position')
  return { ok: true, revision: nextExpectedRevision, position: String(position.commit) }
}

/** A wrong expectation is an answer. */
function conflictOf(error: unknown): Conflict {
  if (!isType(error, 'wrong-expected-version')) throw error
  const { actualVersion } = error as { readonly actualVersion?: unknown }
  return { ok: false, actual: typeof actualVersion === 'bigint' ? actualVersion : undefined }
}

/** The client keeps its streams to itself; the one that it writes to is that of the appends. */
function appendsOf(client: EventStoreDBClient): Duplex | undefined {
  for (const stream of client[STREAMS]) if (stream instanceof Duplex) return stream
  return undefined
}

const STREAMS = 'disposableStreams'

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
/** A client that is still looking for its cluster has no channel yet, and nobody waits for that. */
const DISPOSING_MS = 2000

async function dispose(client: EventStoreDBClient): Promise<void> {
  const disposing = client.dispose().then(async () => (await client[CHANNEL]()).close())
  const late = delay(DISPOSING_MS, undefined, { ref: false })
  await Promise.race([disposing.catch(() => undefined), late])
}
