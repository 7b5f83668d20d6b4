// A consumer: reads pages until it has come to the end, takes from the shared feed of its filter while it keeps up, and reads pages
// again when it does not.
import { Backoff } from './eventstoredb-connection.ts'
import { failureOf } from './eventstoredb-failure.ts'
import type { Feed } from './eventstoredb-feed.ts'
import { filterPage, type Page } from './eventstoredb-page.ts'
import type { Shared } from './eventstoredb-process.ts'
import { comparePositions, type Delivery, type Filter, type Position, type StoredEvent } from './port.ts'

export interface Subscribing {
  readonly filter: Filter
  readonly from: Position
  readonly over: AbortSignal
}

export async function* followAll(shared: Shared, { filter, from, over }: Subscribing): AsyncGenerator<Delivery> {
  const { feed, leave } = shared.follow(filter)
  const wake = () => feed.tell()
  over.addEventListener('abort', wake)
  try {
    yield* deliveries(shared, feed, { filter, from, over })
  } finally {
    over.removeEventListener('abort', wake)
    leave()
  }
}

async function* deliveries(shared: Shared, feed: Feed, { filter, from, over }: Subscribing): AsyncGenerator<Delivery> {
  let told: Position | undefined
  for (let after = from; !over.aborted; ) {
    const next = feed.next(after)
    if (next.kind === 'event') {
      after = next.event.position
      yield { kind: 'event', event: next.event }
    } else if (next.kind === 'behind') {
      const floor = feed.floor ?? after
      const page = await patiently(shared, { filter, from: after, over })
      for (const event of page.events) {
        if (over.aborted) return
        yield { kind: 'event', event }
      }
      after = page.end ?? page.events.at(-1)?.position ?? after
      if (page.end === undefined) continue
      // The page was begun after the floor was known, and has seen everything: nothing that matches lies between.
      after = later(after, floor)
      feed.startAt(after)
      if (told !== after && !over.aborted) yield { kind: 'caught_up', position: after }
      told = after
    } else if (next.kind === 'seen_all' && next.position !== told) {
      told = next.position
      after = later(after, next.position)
      yield { kind: 'caught_up', position: next.position }
    } else await feed.changed()
  }
}

/** Reads until the server answers: a subscription outlives every outage. */
async function patiently(shared: Shared, { filter, from, over }: Subscribing): Promise<Page> {
  for (const pause = new Backoff(); !over.aborted; ) {
    try {
      return await pageOf(shared, filter, from)
    } catch (error) {
      if (failureOf(error).remedy === 'never') throw error
    }
    await pause.wait(over)
  }
  return { events: [], end: undefined }
}

/** All events of a filter that are there now. */
export async function* readAllOn(shared: Shared, filter: Filter, from: Position): AsyncGenerator<StoredEvent> {
  for (let after = from; ; ) {
    const { events, end } = await pageOf(shared, filter, after)
    yield* events
    if (end !== undefined) return
    after = events.at(-1)?.position ?? after
  }
}

/** One page, asked for until there is an answer or time is up. */
function pageOf({ connection, reads }: Shared, filter: Filter, after: Position): Promise<Page> {
  const { readMs, deadlineMs } = connection.timing
  const deadline = performance.now() + deadlineMs
  return reads.run(() => connection.askUntil(filterPage(filter, after, connection.timing), { attemptMs: readMs, deadline }), deadline)
}

function later(one: Position, other: Position): Position {
  return comparePositions(one, other) > 0 ? one : other
}
