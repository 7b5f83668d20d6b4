// Pages: what is read in one go and handed over when nothing is held open any more, so that a consumer may take its time.
import type { Ask } from './eventstoredb-connection.ts'
import type { StreamRange } from './eventstoredb-driver.ts'
import { Batch, type Bounds } from './eventstoredb-entries.ts'
import { isType } from './eventstoredb-failure.ts'
import { Follow } from './eventstoredb-follow.ts'
import type { Filter, Position, StoredEvent } from './port.ts'

export const PAGE: Bounds = { events: 500, weight: 4_194_304 }

export interface Page {
  readonly events: readonly StoredEvent[]
  /** Where everything has been seen; absent while there is more. */
  readonly end: Position | undefined
}

/** The next events of one stream; it is the last page where it is not full. */
export function streamPage(stream: string, range: StreamRange): Ask<{ readonly events: readonly StoredEvent[]; readonly isFull: boolean }> {
  return (driver, timer) => {
    const { promise, resolve, reject } = Promise.withResolvers<{ events: readonly StoredEvent[]; isFull: boolean }>()
    const batch = new Batch({ ...PAGE, events: range.most })
    const done = () => resolve({ events: batch.events, isFull: batch.isFull })
    const cancel = driver.readStream(stream, range, {
      entry: ({ event }) => {
        timer.rewind()
        if (event === undefined || batch.isFull) return
        batch.add(event)
        if (!batch.isFull) return
        cancel()
        done()
      },
      end: (error) => {
        if (error === undefined || isType(error, 'stream-not-found') || isType(error, 'stream-deleted')) done()
        else reject(error)
      },
    })
    return { answer: promise, cancel }
  }
}

/** The next events of a filter: a filtered subscription, given up when the page is full or everything has been seen. */
export function filterPage(filter: Filter, after: Position, quiet: { readonly quietMs: number; readonly liveQuietMs: number }): Ask<Page> {
  return (driver, timer) => {
    const { promise, resolve, reject } = Promise.withResolvers<Page>()
    const batch = new Batch(PAGE)
    const finish = (end: Position | undefined) => {
      follow.stop()
      resolve({ events: batch.events, end })
    }
    const follow = new Follow(driver, {
      filter,
      after,
      ...quiet,
      onLife: () => timer.rewind(),
      onEvent: (event) => {
        batch.add(event)
        if (batch.isFull) finish(undefined)
      },
      onCaughtUp: () => finish(follow.seen),
      onEnd: reject,
    })
    return { answer: promise, cancel: () => follow.stop() }
  }
}
