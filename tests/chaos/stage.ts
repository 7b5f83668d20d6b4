// What the faults of a run fall on: real engines, every service in processes of its own, and a proxy of its own on each of their links.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsUser } from '@loomworks/bus'
import type { EventStore } from '@loomworks/event-store'
import { EventStoreDbEventStore } from '@loomworks/event-store/eventstoredb'
import { ServiceName } from '@loomworks/kernel'
import { Deployment, type ServiceProcess } from '../deployment.ts'
import { type Mistreated, type MistreatedPostgres, startDatabase, startNats, startStub } from './engines.ts'
import { type Engine, type Link, LONGEST_WAIT_MS } from './faults.ts'
import { FaultProxy } from './proxy.ts'

export interface StageOptions {
  /** The nats-server to start. */
  readonly nats: string
  /** Of each service. */
  readonly instances: number
  /** What browsers see it under, where something stands before the gateways. */
  readonly publicOrigin?: string
  /** The script that runs a service, where a bug is planted in it. */
  readonly scriptOf?: (service: ServiceName) => string
  /** Straight to the engines, without proxies: what is measured is not slowed by them. */
  readonly direct?: boolean
  /** Who else may speak to NATS. */
  readonly natsUsers?: readonly NatsUser[]
}

export class Stage implements AsyncDisposable {
  readonly deployment: Deployment
  readonly engines: ReadonlyMap<Engine, Mistreated>
  /** Speaks to the event store past all faults. */
  readonly eventStore: EventStore
  readonly #links: ReadonlyMap<string, FaultProxy>
  readonly #home: string

  private constructor(home: string, parts: Pick<Stage, 'deployment' | 'engines' | 'eventStore'> & { readonly links: ReadonlyMap<string, FaultProxy> }) {
    this.#home = home
    this.deployment = parts.deployment
    this.engines = parts.engines
    this.eventStore = parts.eventStore
    this.#links = parts.links
  }

  static async open({ nats, instances, scriptOf, publicOrigin, direct = false, natsUsers = [] }: StageOptions): Promise<Stage> {
    const home = mkdtempSync(join(tmpdir(), 'loomworks-chaos-'))
    const secrets = join(home, 'secrets')
    const database = await startDatabase(join(home, 'database'))
    const bus = await startNats(nats, secrets, natsUsers)
    const real = process.env.EVENTSTORE_TEST_URL
    const stub = real === undefined ? await startStub(home) : undefined
    const engines = new Map<Engine, Mistreated>([['database', database], ['bus', bus], ...(stub === undefined ? [] : ([['eventStore', stub]] as const))])
    const links = new Map<string, FaultProxy>()
    const eventStoreUrl = real ?? `esdb://127.0.0.1:${stub?.port}?tls=false`
    const urls = { EVENTSTORE_URL: eventStoreUrl, NATS_URL: `nats://127.0.0.1:${bus.port}` }
    if (!direct) await openLinks(links, { instances, bus, database, stub })
    const deployment = await Deployment.start({
      adminUrl: database.adminUrl,
      instances,
      home,
      environment: urls,
      ...(scriptOf && { scriptOf }),
      ...(publicOrigin !== undefined && { publicOrigin }),
      ...(!direct && { environmentOf: (name, own) => throughLinks(links, name, own) }),
    })
    const eventStore = new EventStoreDbEventStore({ url: eventStoreUrl, onTrouble: () => undefined })
    return new Stage(home, { deployment, engines, eventStore, links })
  }

  /** The instances of a service. */
  of(service: ServiceName): readonly ServiceProcess[] {
    return this.deployment.processes.filter((each) => each.service === service)
  }

  link(process: ServiceProcess, link: Link): FaultProxy | undefined {
    return this.#links.get(`${process.name} ${link}`)
  }

  /** Ends every fault that still goes on, and brings back what was killed. Tells which process ended without being killed. */
  async mend(): Promise<readonly string[]> {
    for (const proxy of this.#links.values()) proxy.heal()
    // A kill that was on its way has arrived.
    await delay(2 * LONGEST_WAIT_MS)
    const died = this.deployment.processes.flatMap(({ diedBy }) => diedBy ?? [])
    await Promise.all([...this.engines.values()].map((engine) => engine.mend()))
    for (const each of this.deployment.processes) {
      each.thaw()
      if (each.pid === undefined) each.start()
    }
    await Promise.all(this.deployment.processes.map((each) => each.ready()))
    return died
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.eventStore.close()
    await this.deployment[Symbol.asyncDispose]()
    await Promise.all([...this.#links.values()].map((proxy) => proxy[Symbol.asyncDispose]()))
    for (const engine of this.engines.values()) await engine.stop()
    rmSync(this.#home, { recursive: true, force: true })
  }
}

interface Ends {
  readonly instances: number
  readonly bus: Mistreated
  readonly database: MistreatedPostgres
  readonly stub: Mistreated | undefined
}

async function openLinks(links: Map<string, FaultProxy>, { instances, bus, database, stub }: Ends): Promise<void> {
  for (const service of ServiceName.options) {
    for (let n = 0; n < instances; n++) {
      links.set(`${service}-${n} bus`, await FaultProxy.open(bus.port, 'nats'))
      links.set(`${service}-${n} database`, await FaultProxy.open(database.port, 'bytes'))
      if (stub !== undefined) links.set(`${service}-${n} eventStore`, await FaultProxy.open(stub.port, 'bytes'))
    }
  }
}

function throughLinks(links: ReadonlyMap<string, FaultProxy>, name: string, own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const database = new URL(own.DATABASE_URL ?? '')
  const port = (link: Link) => links.get(`${name} ${link}`)?.port
  database.port = String(port('database'))
  const stub = port('eventStore')
  return {
    DATABASE_URL: database.toString(),
    NATS_URL: `nats://127.0.0.1:${port('bus')}`,
    ...(stub !== undefined && { EVENTSTORE_URL: `esdb://127.0.0.1:${stub}?tls=false` }),
  }
}
