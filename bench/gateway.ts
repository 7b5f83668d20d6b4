import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId, systemClock, tokenHash } from '@loomworks/kernel'
import { IdentityStandIn } from '@loomworks/testing'
import { type Benchmark, type Figure, interleaved, percentile, timedRound } from './benchmark.ts'
import { benchDatabase } from './database.ts'
import { cpuMsOfProcess, freePort, readyLine } from './instance.ts'
import { Wire } from './wire.ts'

const GOAL_CPU = 0.75
const GOAL_ADDED_MS = 0.2
const GOAL_RATE = 0.4
const CONNECTIONS = 32
const TARGET = `/engagements/${newId()}`

/** One answered by a port, and the process that answers there. */
export interface Door extends AsyncDisposable {
  readonly port: number
  readonly pid: number
}

interface Doors extends AsyncDisposable {
  readonly gateway: Door
  readonly bare: Door
  readonly direct: Door
  /** Of somebody whom identity knows. */
  readonly headers: Readonly<Record<string, string>>
}

/** The gateway with nothing left out against a bare reply-from before the same service, and against the service itself. Each is a
 *  process of its own, each is asked in turn. */
export const gateway: Benchmark = {
  name: 'gateway',
  async run({ quick }) {
    await using doors = await opened()
    return [await cpu(doors, quick), await added(doors, quick), await throughput(doors, quick)]
  },
}

async function opened(): Promise<Doors> {
  await using opening = new AsyncDisposableStack()
  const database = opening.use(await benchDatabase())
  const folder = mkdtempSync(join(tmpdir(), 'lw-'))
  opening.defer(() => rmSync(folder, { recursive: true, force: true }))
  const identity = opening.use(await IdentityStandIn.listening(join(folder, 'identity'), systemClock))
  const token = `lws_${newId()}`
  identity.credentials.set(tokenHash(token), { actor: { kind: 'person', id: newId() }, sessionId: newId() })
  const socket = join(folder, 'memory')
  const direct = opening.use(await door('upstream-alone.ts', (port) => [socket, port]))
  const bare = opening.use(await door('reply-from-alone.ts', (port) => [socket, port]))
  const whole = opening.use(await door('gateway-alone.ts', (port) => [folder, port, database.url]))
  const all = opening.move()
  return { gateway: whole, bare, direct, headers: { authorization: `Bearer ${token}` }, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Starts a script of this folder on a port of its own, which its arguments name. */
export async function door(file: string, args: (port: string) => readonly string[]): Promise<Door> {
  const port = await freePort()
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args(String(port))], { stdio: ['ignore', 'pipe', 'inherit'] })
  await readyLine(child)
  return { port, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => ended(child) }
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGKILL')
  await gone
}

/** CPU of the process alone, in microseconds a request: of both after rounds that let them warm up. */
async function cpu({ gateway: whole, bare, headers }: Doors, quick: boolean): Promise<Figure> {
  const requests = quick ? 640 : 8000
  const spent = [0, 0]
  const rounds = quick ? 1 : 6
  for (let round = quick ? 0 : -2; round < rounds; round++) {
    for (const [index, each] of [whole, bare].entries()) {
      const before = cpuMsOfProcess(each.pid)
      await load(each, headers, { requests, connections: CONNECTIONS })
      if (round >= 0) spent[index] = (spent[index] ?? 0) + cpuMsOfProcess(each.pid) - before
    }
  }
  const [value = 0, yardstick = 0] = spent.map((ms) => (ms * 1000) / (requests * rounds))
  const ratio = value / yardstick
  return { bench: 'gateway, CPU of a request', value, unit: 'µs', yardstick, ratio, goal: `≤ ${GOAL_CPU}`, ok: ratio <= GOAL_CPU }
}

/** What the gateway adds to the median at one connection. */
async function added({ gateway: whole, direct, headers }: Doors, quick: boolean): Promise<Figure> {
  const turns = quick ? 20 : 200
  const waited: [number[], number[]] = [[], []]
  for (let round = 0; round < (quick ? 2 : 12); round++) {
    waited[0].push(...(await load(whole, headers, { requests: turns, connections: 1 })).waited)
    waited[1].push(...(await load(direct, headers, { requests: turns, connections: 1 })).waited)
  }
  const value = percentile(waited[0], 0.5) - percentile(waited[1], 0.5)
  return { bench: 'gateway, added to the median of a request', value, unit: 'ms', goal: `≤ ${GOAL_ADDED_MS}`, ok: value <= GOAL_ADDED_MS }
}

async function throughput({ gateway: whole, direct, headers }: Doors, quick: boolean): Promise<Figure> {
  const requests = quick ? 640 : 8000
  const [value, yardstick] = await interleaved(
    quick ? 1 : 4,
    () => load(whole, headers, { requests, connections: CONNECTIONS }),
    () => load(direct, headers, { requests, connections: CONNECTIONS }),
  )
  const ratio = value / yardstick
  return { bench: `gateway, ${CONNECTIONS} connections`, value, unit: 'requests/s', yardstick, ratio, goal: `≥ ${GOAL_RATE}`, ok: ratio >= GOAL_RATE }
}

interface Load {
  readonly requests: number
  readonly connections: number
}

async function load({ port }: Door, headers: Readonly<Record<string, string>>, { requests, connections }: Load) {
  const wires = await Promise.all(Array.from({ length: connections }, () => Wire.to(port, TARGET, headers)))
  const waited: number[] = []
  const round = await timedRound(requests, connections, async (worker) => {
    const began = performance.now()
    await wires[worker]?.ask()
    waited.push(performance.now() - began)
  })
  for (const wire of wires) wire[Symbol.dispose]()
  return { ...round, waited }
}
