import type { Clock } from '@loomworks/kernel'

export interface FakeClock extends Clock {
  /** Turns the clock on by so many milliseconds. */
  advance(ms: number): void
}

/** A clock that stands still until it is turned; it begins at 2030-01-02T03:04:05.678Z. */
export function fakeClock(startMs: number = Date.UTC(2030, 0, 2, 3, 4, 5, 678)): FakeClock {
  let nowMs = startMs
  return {
    now: () => nowMs,
    advance: (ms) => {
      nowMs += ms
    },
  }
}
