// Signups on the real stack: six services in processes of their own, nats-server, PostgreSQL, and an EventStoreDB, the one that
// EVENTSTORE_TEST_URL names or its stand-in, whose CPU is nobody's then.
import { setTimeout as delay } from 'node:timers/promises'
import { NatsBus } from '@loomworks/bus/nats'
import { newId } from '@loomworks/kernel'
import { type Database, openDatabase } from '@loomworks/sql'
import { NO_NATS_SERVER, natsServerProgram } from '@loomworks/testing'
import { Stage } from '../tests/chaos/stage.ts'
import type { Benchmark, Figure } from './benchmark.ts'
import { recoveries } from './distributed-recovery.ts'
import { makeFloor } from './floor.ts'
import { cpuMsOfProcess, rssMbOfProcess } from './instance.ts'
import { latencies, newAdmin, type Stand, throughput } from './signups.ts'

const NAME = 'distributed signup'
const SETTLED_MS = 2000
const IDLE_MS = 5000

export const distributed: Benchmark = {
  name: 'distributed',
  lacks: () => (natsServerProgram() === undefined ? NO_NATS_SERVER : undefined),
  async run({ quick }) {
    const nats = natsServerProgram()
    if (nats === undefined) throw new Error(NO_NATS_SERVER)
    const user = { name: 'bench', password: newId(), rights: { publish: ['>'], subscribe: ['>'] } }
    await using stage = await Stage.open({ nats, instances: 1, direct: true, natsUsers: [user] })
    const idle = await idleFigures(stage, quick ? 100 : IDLE_MS)
    await using tools = openTools(stage, user)
    const stand = await standOn(stage, tools)
    return [
      ...(await latencies(stand, quick ? 3 : 100)),
      ...(await throughput(stand, quick ? 1 : 20)),
      ...(await recoveries(stage, tools.db, { most: quick ? 1 : undefined })),
      ...idle,
    ]
  },
}

/** What processes hold and do while nobody asks anything of them. */
async function idleFigures(stage: Stage, ms: number): Promise<readonly Figure[]> {
  await delay(Math.min(SETTLED_MS, ms))
  const before = sum(cpuMsOf(stage))
  await delay(ms)
  const perSecond = ((sum(cpuMsOf(stage)) - before) / ms) * 1000
  const held = stage.deployment.processes.map(({ service, pid = 0 }) => {
    return { bench: `distributed, memory of ${service}, idle`, value: rssMbOfProcess(pid), unit: 'MB RSS', goal: '', ok: true }
  })
  return [{ bench: 'distributed, CPU of a second, idle', value: perSecond, unit: 'ms', goal: '', ok: true }, ...held]
}

interface Tools extends AsyncDisposable {
  readonly db: Database
  readonly bus: NatsBus
}

/** The benchmark's own ways to the engines. */
function openTools({ deployment, engines }: Stage, { name, password }: { readonly name: string; readonly password: string }): Tools {
  const db = openDatabase({ url: deployment.adminUrl, max: 4, applicationName: 'bench', onError: () => undefined })
  const servers = `nats://127.0.0.1:${engines.get('bus')?.port}`
  // In the recoveries the servers themselves are killed.
  const bus = new NatsBus({ servers, name, user: name, password, mayCreate: true, onTrouble: () => undefined })
  return {
    db,
    bus,
    async [Symbol.asyncDispose]() {
      await bus.drain(1000)
      await db.close()
    },
  }
}

async function standOn(stage: Stage, { db, bus }: Tools): Promise<Stand> {
  const [url = ''] = stage.deployment.urls
  const floor = await makeFloor({ bus, db, store: stage.eventStore })
  const { admin, email } = await newAdmin(url)
  await stage.deployment.loom('admin', 'grant', email)
  await admin.logIn()
  return { name: NAME, url, floor, admin, cpuMs: () => cpuMsOf(stage) }
}

/** By process, the stand-in of EventStoreDB apart. */
function cpuMsOf({ deployment, engines }: Stage): Readonly<Record<string, number>> {
  const services = deployment.processes.map(({ service, pid = 0 }) => [service, cpuMsOfProcess(pid)] as const)
  const ofEngine = (engine: 'database' | 'bus') => sum(engines.get(engine)?.pids().map(cpuMsOfProcess) ?? [])
  return { ...Object.fromEntries(services), PostgreSQL: ofEngine('database'), 'nats-server': ofEngine('bus') }
}

function sum(values: Readonly<Record<string, number>> | readonly number[]): number {
  return Object.values(values).reduce((total, value) => total + value, 0)
}
