// How far the clocks of instances are off, as far as cause and effect tell. Pure.

/** Something a clock said, and what must be true of it on the clock that all are measured by. */
export interface Sighting {
  readonly clock: string
  readonly saidMs: number
  /** It happened no sooner than this. */
  readonly afterMs: number
  /** Something later that the same clock said, which happened no later than `beforeMs`. */
  readonly made?: { readonly saidMs: number; readonly beforeMs: number }
}

export interface Clock {
  /** To be added to what the clock says. */
  readonly offsetMs: number
}

/** The smallest correction of each clock that puts every effect behind its cause. Where nothing can (a clock that was set
 *  meanwhile), the one that is wrong by equal parts on both sides. */
export function clocksOf(sightings: readonly Sighting[]): ReadonlyMap<string, Clock> {
  const byClock = Map.groupBy(sightings, ({ clock }) => clock)
  return new Map([...byClock].map(([clock, all]) => [clock, { offsetMs: offsetOf(all) }]))
}

function offsetOf(sightings: readonly Sighting[]): number {
  const least = Math.max(...sightings.map(({ saidMs, afterMs }) => afterMs - saidMs))
  const most = Math.min(...sightings.map(({ made }) => (made === undefined ? Number.POSITIVE_INFINITY : made.beforeMs - made.saidMs)))
  if (least > most) return Math.round((least + most) / 2)
  return Math.min(Math.max(0, least), most) + 0
}
