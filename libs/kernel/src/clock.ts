/** Time as an argument: real in a service, turned by hand in a test. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** RFC 3339 UTC with milliseconds, e.g. `2030-01-02T03:04:05.678Z`. */
export type Time = string

export function timeOf(ms: number): Time {
  return new Date(ms).toISOString()
}
