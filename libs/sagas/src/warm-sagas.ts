// Sagas this process has just worked on, so that the next reply needs no read. Never the truth: an append on a stale one conflicts.
import type { Saga } from './record.ts'

const MOST = 1024

export class WarmSagas {
  readonly #sagas = new Map<string, Saga>()
  readonly #written = new Map<string, bigint>()

  get(sagaId: string): Saga | undefined {
    return this.#sagas.get(sagaId)
  }

  put(saga: Saga): void {
    keep(this.#sagas, saga.sagaId, saga)
  }

  drop(sagaId: string): void {
    this.#sagas.delete(sagaId)
  }

  /** The list holds the saga up to this revision. */
  written(sagaId: string, revision: bigint): void {
    if (revision > (this.#written.get(sagaId) ?? -1n)) keep(this.#written, sagaId, revision)
  }

  /** Has the list a row of it that this process wrote? */
  isListed(sagaId: string): boolean {
    return this.#written.has(sagaId)
  }

  hasWritten(sagaId: string, revision: bigint): boolean {
    return (this.#written.get(sagaId) ?? -1n) >= revision
  }
}

/** Keeps the newest; the oldest goes when there is no room. */
function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= MOST) return
    map.delete(oldest)
  }
}
