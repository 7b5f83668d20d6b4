// Looking into a stream without a consumer: each message is fetched by its place, so nothing is made on the server, nothing is left
// behind, and a right to read is all it takes. A tail is the same, woken by the subjects themselves as they are published.
import { Transient } from '@loomworks/kernel'
import type { JetStream } from './nats-api.ts'
import { type Link, pauseMs, type Wire, type WireSubscription } from './nats-wire.ts'
import type { Stored, StreamName, TailOptions } from './port.ts'

const SOON_MS = 2
const POLL_MS = 250

export async function* browsed(api: JetStream, { stream, filter, from }: Looking & { readonly from: bigint }): AsyncIterable<Stored> {
  for (let seq = from + 1n; ; ) {
    const message = await api.next(stream, filter, seq)
    if (message === undefined) return
    yield message
    seq = message.seq + 1n
  }
}

export interface Looking {
  readonly stream: StreamName
  readonly filter: string
}

export interface TailMeans {
  readonly link: Link
  readonly api: JetStream
  readonly onTrouble: (error: unknown) => void
}

export async function* tailed({ link, api, onTrouble }: TailMeans, looking: Looking, { signal, onListening }: TailOptions): AsyncIterable<Stored> {
  using ear = new Ear(link, looking.filter)
  let place: Place | undefined
  while (!signal.aborted) {
    try {
      const wire = await link.up(signal)
      const isFirst = place === undefined
      if (place?.wire !== wire) place = await placeOn(wire, api, looking.stream, place)
      if (isFirst) onListening?.()
      ear.listen()
      for await (const message of browsed(api, { ...looking, from: place.after })) {
        place.after = message.seq
        yield message
        if (signal.aborted) return
      }
    } catch (error) {
      if (!(error instanceof Transient)) throw error
      if (!signal.aborted) onTrouble(error)
    }
    await ear.pause(signal)
  }
}

interface Place {
  readonly wire: Wire
  /** When the stream was made: another one of the same name is read from its beginning, all of it came after the tail began. */
  readonly created: string
  after: bigint
}

async function placeOn(wire: Wire, api: JetStream, stream: StreamName, before: Place | undefined): Promise<Place> {
  const found = await api.stream(stream)
  if (found === undefined) throw new Transient(`the bus has no stream ${stream}`)
  const { created, state } = found
  if (before === undefined) return { wire, created, after: BigInt(state.last_seq) }
  return { wire, created, after: before.created === created ? before.after : 0n }
}

/** Hears that something is published. It may not be stored yet, so it is looked for several times, soon at first; what is not heard
 *  is found by the poll. */
class Ear implements Disposable {
  readonly #leave: () => void
  #subscription: WireSubscription | undefined
  #pauseMs = SOON_MS
  #woken = new AbortController()

  constructor(link: Link, filter: string) {
    this.#leave = link.onUp((wire) => {
      this.#subscription = wire.subscribe(filter, () => this.#wake())
    })
  }

  #wake(): void {
    this.#pauseMs = SOON_MS
    this.#woken.abort()
  }

  /** What is heard from now on cuts the next pause short. */
  listen(): void {
    this.#woken = new AbortController()
  }

  async pause(signal: AbortSignal): Promise<void> {
    await pauseMs(this.#pauseMs, AbortSignal.any([signal, this.#woken.signal]))
    this.#pauseMs = Math.min(POLL_MS, this.#pauseMs * 2)
  }

  [Symbol.dispose](): void {
    this.#leave()
    void this.#subscription?.leave()
  }
}
