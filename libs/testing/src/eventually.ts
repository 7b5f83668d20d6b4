import { setTimeout as delay } from 'node:timers/promises'

const EVERY_MS = 20
const DEADLINE_MS = 15_000

/** Tries until the check does not throw, then gives what it returned; after the deadline throws its last error. */
export async function eventually<T>(check: () => T | Promise<T>, deadlineMs: number = DEADLINE_MS): Promise<T> {
  const end = performance.now() + deadlineMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > end) throw error
    }
    await delay(EVERY_MS)
  }
}
