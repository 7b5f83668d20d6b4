// What a service does by itself for as long as it runs: sagas, letters, sweeps, projections.
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './logger.ts'

export interface Worker {
  readonly name: string
  /** Runs until the signal aborts; may end before where its work is done. */
  run(signal: AbortSignal): Promise<void>
}

const AGAIN_MS = 1000

/** Runs a worker. One that fails is begun again: what it does is owed for as long as the service lives, and a database that was away for a moment
 *  must not cost it. */
export async function keepRunning(worker: Worker, signal: AbortSignal, log: Log, waitMs: number = AGAIN_MS): Promise<void> {
  while (!signal.aborted) {
    try {
      return await worker.run(signal)
    } catch (error) {
      if (signal.aborted) return
      log.error({ worker: worker.name, err: error }, 'a worker failed')
    }
    await delay(waitMs, undefined, { signal }).catch(() => undefined)
  }
}
