// The log of the stub: what EventStoreDB decides about an append, in memory. The rules are those of the server's own check of a
// commit; where this file and a real server disagree, this file is wrong.

export interface ProposedEvent {
  readonly id: string
  readonly type: string
  readonly contentType: string
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

export interface RecordedEvent extends ProposedEvent {
  readonly stream: string
  readonly revision: bigint
  /** Offset in the log: commit and prepare position alike, as for every event that came by gRPC. */
  readonly position: bigint
  /** 100 ns since 1970. */
  readonly created: bigint
}

export type StreamState = 'any' | 'no_stream' | 'stream_exists' | bigint

export type Decision =
  | { readonly kind: 'stored'; readonly revision: bigint; readonly position: bigint }
  | { readonly kind: 'nothing_given' }
  | { readonly kind: 'wrong_version'; readonly current: bigint | undefined }
  | { readonly kind: 'deleted' }

/** Where recorded events are kept beyond the process; called before anybody hears of them. */
export type Keep = (events: readonly RecordedEvent[]) => void

/** The revision of the event that ends a stream for ever. */
const TOMBSTONE = 2n ** 63n - 1n
const HEADER_BYTES = 96n
const TICKS_PER_MS = 10_000n
const NO_BYTES = new Uint8Array()

export class StubLog {
  readonly #all: RecordedEvent[] = []
  readonly #streams = new Map<string, RecordedEvent[]>()
  /** What the server remembers of ids, for appends that expect no revision. */
  readonly #remembered = new Map<string, RecordedEvent>()
  readonly #listeners = new Set<() => void>()
  readonly #keep: Keep
  #end = 0n

  /** A log has the server's own events in it, whoever uses it; they are made where nothing was kept. */
  constructor(kept: readonly RecordedEvent[] = [], keep: Keep = () => undefined) {
    this.#keep = keep
    for (const event of kept) this.#record(event)
    if (kept.length === 0)
      this.#store('$users', [{ id: crypto.randomUUID(), type: '$User', contentType: 'application/json', data: NO_BYTES, metadata: NO_BYTES }])
  }

  /** Every event in the order in which it was stored. */
  get all(): readonly RecordedEvent[] {
    return this.#all
  }

  stream(name: string): readonly RecordedEvent[] {
    return this.#streams.get(name) ?? []
  }

  isDeleted(name: string): boolean {
    return this.#last(name)?.revision === TOMBSTONE
  }

  append(stream: string, expected: StreamState, events: readonly ProposedEvent[]): Decision {
    const last = this.#last(stream)
    if (last?.revision === TOMBSTONE) return { kind: 'deleted' }
    if (expected === 'stream_exists' && last === undefined) return { kind: 'wrong_version', current: undefined }
    if (events.length === 0) return { kind: 'nothing_given' }
    if (expected === 'any' || expected === 'stream_exists') return this.#rememberedOr(stream, events)
    const wanted = expected === 'no_stream' ? -1n : expected
    const current = last?.revision ?? -1n
    if (wanted === current) return this.#store(stream, events)
    return this.#repeatOf(stream, wanted, events) ?? { kind: 'wrong_version', current: last?.revision }
  }

  tombstone(stream: string): Decision {
    if (this.isDeleted(stream)) return { kind: 'deleted' }
    return this.#store(stream, [{ id: crypto.randomUUID(), type: '$streamDeleted', contentType: '', data: NO_BYTES, metadata: NO_BYTES }], TOMBSTONE)
  }

  /** Calls back after every append; gives the way to stop it. */
  onStored(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Index of the first event behind a position. */
  after(position: bigint): number {
    let [low, high] = [0, this.#all.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#all[middle]?.position ?? 0n) > position) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Without a revision to expect, the server goes by the ids that it has seen lately. */
  #rememberedOr(stream: string, events: readonly ProposedEvent[]): Decision {
    const known = events.map(({ id }) => this.#remembered.get(id)).filter((each) => each?.stream === stream)
    if (known.length === 0) return this.#store(stream, events)
    const last = known.at(-1)
    if (known.length < events.length || last === undefined) return { kind: 'wrong_version', current: this.#last(stream)?.revision }
    return { kind: 'stored', revision: last.revision, position: last.position }
  }

  /** The same ids where this list would have been stored: the answer of the first time. */
  #repeatOf(stream: string, wanted: bigint, events: readonly ProposedEvent[]): Decision | undefined {
    const stored = this.stream(stream)
    const original = events.map(({ id }, index) => {
      const there = stored[Number(wanted) + 1 + index]
      return there?.id === id ? there : undefined
    })
    const last = original.at(-1)
    if (last === undefined || original.includes(undefined)) return undefined
    return { kind: 'stored', revision: last.revision, position: last.position }
  }

  #store(stream: string, events: readonly ProposedEvent[], revision?: bigint): Decision {
    const created = BigInt(Date.now()) * TICKS_PER_MS
    const first = (this.#last(stream)?.revision ?? -1n) + 1n
    let position = this.#end
    const recorded = events.map((event, index) => {
      position += HEADER_BYTES + BigInt(event.data.length)
      return { ...event, stream, revision: revision ?? first + BigInt(index), position, created }
    })
    this.#keep(recorded)
    for (const event of recorded) this.#record(event)
    for (const listener of this.#listeners) listener()
    return { kind: 'stored', revision: recorded.at(-1)?.revision ?? first, position }
  }

  #record(event: RecordedEvent): void {
    this.#all.push(event)
    const stream = this.#streams.get(event.stream)
    if (stream === undefined) this.#streams.set(event.stream, [event])
    else stream.push(event)
    this.#remembered.set(event.id, event)
    this.#end = event.position
  }

  #last(stream: string): RecordedEvent | undefined {
    return this.#streams.get(stream)?.at(-1)
  }
}
