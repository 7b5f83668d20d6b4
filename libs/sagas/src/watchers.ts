// Those who wait for a saga in this process: woken by its changes, no polling.
import type { SagaView } from './view.ts'

export class Watchers {
  readonly #bySaga = new Map<string, Set<(view: SagaView) => void>>()

  /** Is anybody waiting? A view is made only then. */
  awaits(sagaId: string): boolean {
    return this.#bySaga.has(sagaId)
  }

  tell(view: SagaView): void {
    for (const watcher of this.#bySaga.get(view.id) ?? []) watcher(view)
  }

  /** The saga as `current` gives it and then each newer state, until it has ended or the signal aborts. */
  async *follow(sagaId: string, current: () => Promise<SagaView | undefined>, signal: AbortSignal): AsyncGenerator<SagaView> {
    const queue: SagaView[] = []
    let wake = () => {}
    const watcher = (view: SagaView) => {
      queue.push(view)
      wake()
    }
    const aborted = () => wake()
    this.#add(sagaId, watcher)
    signal.addEventListener('abort', aborted)
    try {
      const first = await current()
      if (first !== undefined) queue.unshift(first)
      let shown = -1n
      while (!signal.aborted) {
        const next = queue.shift()
        if (next === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          continue
        }
        if (next.revision <= shown) continue
        shown = next.revision
        yield next
        if (hasEnded(next)) return
      }
    } finally {
      signal.removeEventListener('abort', aborted)
      this.#remove(sagaId, watcher)
    }
  }

  #add(sagaId: string, watcher: (view: SagaView) => void): void {
    const watchers = this.#bySaga.get(sagaId) ?? new Set()
    watchers.add(watcher)
    this.#bySaga.set(sagaId, watchers)
  }

  #remove(sagaId: string, watcher: (view: SagaView) => void): void {
    const watchers = this.#bySaga.get(sagaId)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#bySaga.delete(sagaId)
  }
}

export function hasEnded({ state }: Pick<SagaView, 'state'>): boolean {
  return state === 'completed' || state === 'aborted'
}
