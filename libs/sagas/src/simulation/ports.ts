// The ports of hosts and participants in memory, each call of which is a task of the scheduler.
import type { EventStore, Expected, NewEvent } from '@loomworks/event-store'
import { derivedId, type SagaId, Transient } from '@loomworks/kernel'
import type { Fence } from '../fence.ts'
import type { FenceKey, Fences, FenceTx } from '../fence-table.ts'
import type { Due, OpenRow, OpenSagas } from '../open-sagas.ts'
import type { FenceCache } from '../stream-fence.ts'
import type { MemoryEvents } from './memory-store.ts'
import type { Node, Scheduler } from './scheduler.ts'

export type Appending = (stream: string, events: readonly NewEvent[], expected: Expected) => ReturnType<MemoryEvents['append']>

/** What the engine uses of the event store. */
export function storeFor(scheduler: Scheduler, node: Node, append: Appending, events: MemoryEvents): EventStore {
  const port: Pick<EventStore, 'append' | 'readStream'> = {
    append: (stream, list, expected) => scheduler.call(node, () => append(stream, list, expected)),
    async *readStream(stream) {
      yield* await scheduler.call(node, () => events.read(stream))
    },
  }
  return port as EventStore
}

/** Takes the id of an event from its place alone: whoever comes second is told that its own facts are there. */
export function idFromPosition(append: Appending): Appending {
  return (stream, events, expected) => {
    const renamed = events.map((event, index) => {
      const id = derivedId(stream.slice(-36), String(expected), index)
      return { ...event, id, body: { ...event.body, id } }
    })
    return append(stream, stream.startsWith('saga-') ? renamed : events, expected)
  }
}

export interface Ended {
  ended: string[]
}

export class MemoryOpen {
  readonly rows = new Map<string, OpenRow>()
  readonly ended: string[] = []
  readonly #notesAreRetried: boolean

  constructor({ notesAreRetried = true } = {}) {
    this.#notesAreRetried = notesAreRetried
  }

  keep(row: OpenRow): boolean {
    const before = this.rows.get(row.sagaId)
    if (before !== undefined && (before.revision > row.revision || isOver(before))) return false
    this.rows.set(row.sagaId, row)
    return true
  }

  nextDueAt(): number {
    return Math.min(...[...this.rows.values()].map(({ nextDueAt }) => (nextDueAt === null ? Number.POSITIVE_INFINITY : Date.parse(nextDueAt))))
  }

  claim(now: string): readonly Due[] {
    const due = [...this.rows.values()].filter(({ nextDueAt }) => nextDueAt !== null && nextDueAt <= now)
    for (const row of due) this.rows.set(row.sagaId, { ...row, nextDueAt: new Date(Date.parse(now) + 1000).toISOString() })
    return due.map(({ sagaId, definition }) => ({ sagaId, definition }))
  }

  portFor(scheduler: Scheduler, node: Node): OpenSagas<Ended> {
    const call = <T>(work: () => T) => scheduler.call(node, work)
    const unfinished = () => [...this.rows.values()].filter((row) => !isOver(row)).map(({ sagaId, definition }) => ({ sagaId, definition }))
    return {
      write: (rows) =>
        call(() => {
          for (const row of rows) this.keep(row)
        }),
      note: (row) => {
        // Nobody waits for it, so a node that dies takes it along.
        const tried = (): Promise<unknown> => call(() => this.keep(row)).catch(this.#notesAreRetried ? tried : () => undefined)
        void tried()
      },
      finish: async (row, work) => {
        const tx: Ended = { ended: [] }
        await work(tx)
        return call(() => {
          const changed = this.keep(row)
          if (changed) this.ended.push(...tx.ended)
          return changed
        })
      },
      claimDue: (now) => call(() => this.claim(now)),
      unfinished: () => call(unfinished),
      count: () => call(() => unfinished().length),
      versions: async () => [],
      position: async () => undefined,
      keepPosition: async () => undefined,
    }
  }
}

function isOver({ state }: OpenRow): boolean {
  return state === 'completed' || state === 'aborted'
}

/** The transaction of a participant: what it did is seen when it commits. */
export interface MemoryTx {
  readonly effects: { readonly key: FenceKey; readonly dir: 'do' | 'undo' }[]
}

/** Fences of one service. A transaction that read what has changed meanwhile fails, as a serialisation failure does. */
export class MemoryFences implements FenceCache {
  readonly rows = new Map<string, Fence>()
  readonly #onEffect: (key: FenceKey, dir: 'do' | 'undo') => void
  readonly #onUndo: (key: FenceKey) => void
  readonly #tombstones: boolean

  constructor(options: { onEffect: (key: FenceKey, dir: 'do' | 'undo') => void; onUndo: (key: FenceKey) => void; tombstones: boolean }) {
    this.#onEffect = options.onEffect
    this.#onUndo = options.onUndo
    this.#tombstones = options.tombstones
  }

  portFor(scheduler: Scheduler, node: Node): Fences<MemoryTx> {
    return {
      transaction: async (work) => {
        const tx: MemoryTx = { effects: [] }
        const seen = new Map<string, Fence | undefined>()
        const written = new Map<string, Fence>()
        const result = await work(tx, this.#transaction(scheduler, node, seen, written))
        await scheduler.call(node, () => this.#commit(tx, seen, written))
        return result
      },
      note: async () => undefined,
    }
  }

  /** Nobody looks at the notes of a simulated world. */
  async note(): Promise<void> {}

  #transaction(scheduler: Scheduler, node: Node, seen: Map<string, Fence | undefined>, written: Map<string, Fence>): FenceTx {
    return {
      take: async (key, fresh) => {
        const name = nameOf(key)
        const row = await scheduler.call(node, () => this.rows.get(name))
        seen.set(name, row)
        if (row === undefined && (fresh.state !== 'tombstone' || this.#tombstones)) written.set(name, fresh)
        return row
      },
      put: async (key, change) => {
        const name = nameOf(key)
        const row = written.get(name) ?? seen.get(name)
        if (row !== undefined) written.set(name, { ...row, ...change })
      },
      note: async () => undefined,
    }
  }

  #commit({ effects }: MemoryTx, seen: Map<string, Fence | undefined>, written: Map<string, Fence>): void {
    for (const [name, row] of seen) if (this.rows.get(name) !== row) throw new Transient('could not serialise')
    for (const [name, row] of written) this.rows.set(name, row)
    for (const { key, dir } of effects) this.#onEffect(key, dir)
    for (const [name] of seen) if ([...written.values()].some(({ undoReply }) => undoReply !== null) || !written.has(name)) this.#noteUndo(name)
  }

  #noteUndo(name: string): void {
    const [sagaId = '', step = ''] = name.split('/')
    const state = this.rows.get(name)?.state
    if (state === undefined || state === 'undone' || state === 'tombstone') this.#onUndo({ sagaId: sagaId as SagaId, step })
  }

  async remember(key: FenceKey, fence: Fence): Promise<Fence | undefined> {
    const before = this.rows.get(nameOf(key))
    const state = before === undefined || before.state === 'done' ? fence.state : before.state
    this.rows.set(nameOf(key), before === undefined ? fence : { ...before, state, undoReply: before.undoReply ?? fence.undoReply })
    return before === undefined ? undefined : this.rows.get(nameOf(key))
  }
}

function nameOf({ sagaId, step }: FenceKey): string {
  return `${sagaId}/${step}`
}
