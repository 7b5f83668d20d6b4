// A benchmark measures a thing and its yardstick in one run, turn by turn, so that a noisy machine slows both. What it says is a ratio.
export interface Figure {
  readonly bench: string
  readonly value: number
  readonly unit: string
  /** The same measure of the yardstick, where there is one. */
  readonly yardstick?: number
  /** Value over yardstick. */
  readonly ratio?: number
  readonly goal: string
  readonly ok: boolean
}

export interface Effort {
  /** Shorter rounds, to see that it runs at all. */
  readonly quick: boolean
}

export interface Benchmark {
  readonly name: string
  /** What it needs and does not find; it is skipped then. */
  readonly lacks?: () => string | undefined
  run(effort: Effort): Promise<readonly Figure[]>
}

/** Runs two works turn by turn and gives the rate of each: operations per second over all its rounds. */
export async function interleaved(rounds: number, first: () => Promise<Round>, second: () => Promise<Round>): Promise<readonly [number, number]> {
  const sums = [
    { operations: 0, ms: 0 },
    { operations: 0, ms: 0 },
  ]
  for (let round = 0; round < rounds; round++) {
    for (const [index, work] of [first, second].entries()) {
      const { operations, ms } = await work()
      const sum = sums[index]
      if (sum !== undefined && (round > 0 || rounds === 1)) {
        sum.operations += operations
        sum.ms += ms
      }
    }
  }
  const rate = (index: number) => ((sums[index]?.operations ?? 0) / (sums[index]?.ms ?? 1)) * 1000
  return [rate(0), rate(1)]
}

export interface Round {
  readonly operations: number
  readonly ms: number
}

/** Does so many operations, as many at once as there are workers, and gives how long it took. */
export async function timedRound(operations: number, workers: number, work: (worker: number, turn: number) => Promise<unknown>): Promise<Round> {
  const began = performance.now()
  const turns = Math.ceil(operations / workers)
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      for (let turn = 0; turn < turns; turn++) await work(worker, turn)
    }),
  )
  return { operations: turns * workers, ms: performance.now() - began }
}

/** The p-th part of sorted or unsorted values: 0.5 is the median. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

/** Milliseconds of CPU that this process spends on a work. */
export async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
