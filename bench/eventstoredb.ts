import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { EventStoreDbEventStore } from '@loomworks/event-store/eventstoredb'
import { newId } from '@loomworks/kernel'
import { type Benchmark, type Figure, percentile, type Round, timedRound } from './benchmark.ts'

const GOAL = 0.95
const WRITERS = [1, 8, 32]
/** Many short turns: what slows the machine for a moment slows both. */
const ROUNDS = 160
const BODY = { data: { text: 'x'.repeat(200) } }

interface Both {
  readonly store: EventStoreDbEventStore
  readonly bare: EventStoreDBClient
}

/** Appends of one event, each writer to a stream of its own, against the same appends on the client of EventStoreDB itself. On the
 *  server of EVENTSTORE_TEST_URL, else on the stub in a process of its own. */
export const eventStoreDb: Benchmark = {
  name: 'eventstoredb',
  async run({ quick }) {
    const server = await serverOf(process.env.EVENTSTORE_TEST_URL)
    const store = new EventStoreDbEventStore({ url: server.url, onTrouble: console.error })
    const bare = EventStoreDBClient.connectionString(server.url)
    const figures: Figure[] = []
    for (const writers of WRITERS) figures.push(await measured({ store, bare }, writers, quick))
    await store.close()
    await bare.dispose()
    await server.stop()
    return figures
  },
}

async function measured({ store, bare }: Both, writers: number, quick: boolean): Promise<Figure> {
  const operations = 64 * Math.min(writers, 8)
  const appends = async () => {
    const streams = Array.from({ length: writers }, () => `person-${newId()}`)
    return timedRound(operations, writers, (worker, turn) =>
      store.append(streams[worker] ?? '', [{ id: newId(), type: 'MemoryAdded', body: BODY }], turn === 0 ? 'no_stream' : BigInt(turn - 1)),
    )
  }
  const bareAppends = async () => {
    const streams = Array.from({ length: writers }, () => `person-${newId()}`)
    return timedRound(operations, writers, (worker, turn) =>
      bare.appendToStream(streams[worker] ?? '', jsonEvent({ id: newId(), type: 'MemoryAdded', data: BODY }), {
        expectedRevision: turn === 0 ? 'no_stream' : BigInt(turn - 1),
      }),
    )
  }
  const [value, yardstick] = await inPairs(quick ? 1 : ROUNDS, appends, bareAppends)
  const ratio = value / yardstick
  return { bench: `append on EventStoreDB, ${writers} writers`, value, unit: 'events/s', yardstick, ratio, goal: `≥ ${GOAL}`, ok: ratio >= GOAL }
}

/** The middle rate of each of two works, over short rounds in which now one and now the other comes first: what takes the machine
 *  for a moment falls into few rounds, and the middle does not feel it. */
async function inPairs(rounds: number, first: () => Promise<Round>, second: () => Promise<Round>): Promise<readonly [number, number]> {
  const works = [
    { work: first, rates: [] as number[] },
    { work: second, rates: [] as number[] },
  ]
  for (let round = 0; round < rounds; round++) {
    for (const { work, rates } of round % 2 === 0 ? works : works.toReversed()) {
      const { operations, ms } = await work()
      rates.push((operations / ms) * 1000)
    }
  }
  const middle = (index: number) => percentile(works[index]?.rates ?? [], 0.5)
  return [middle(0), middle(1)]
}

const STUB = fileURLToPath(import.meta.resolve('@loomworks/testing/esdb-stub')).replace('index.ts', 'run-alone.ts')

async function serverOf(url: string | undefined): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (url !== undefined) return { url, stop: async () => undefined }
  const stub = spawn(process.execPath, [STUB, '0'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const { value: port } = await createInterface({ input: stub.stdout })[Symbol.asyncIterator]().next()
  return { url: `esdb://127.0.0.1:${port}?tls=false`, stop: () => ended(stub) }
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}
