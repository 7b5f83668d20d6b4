// The only place where adapters become a platform. Embedded: one process, one event store and one bus, sockets between the services.
// Distributed: one service, its own role, addresses from the environment.
import { type ServiceName, systemClock } from '@loomworks/kernel'
import { type Database, openDatabase } from '@loomworks/sql'
import { type Log, type LogTarget, makeLog } from '../logger.ts'
import type { Address } from '../pool.ts'
import type { Platform } from '../service.ts'
import { type Engines, openBus, openEventStore } from './adapters.ts'

/** What a platform was built on, to be closed last. */
export interface Foundation {
  readonly platform: Platform
  close(): Promise<void>
}

export interface PlatformOptions {
  /** The database's URL of a role: `loomworks` for event store and bus, else a service. */
  readonly urlOf: (role: string) => string
  readonly addressOf: (service: ServiceName) => Address
  readonly secretOf: (service: ServiceName) => string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly log: LogTarget
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error'
  /** Most connections of a service's pool. */
  readonly poolSize: number
  /** The role that event store and bus run under where they are on Postgres. */
  readonly storeRole: string
  /** What they are on instead. */
  readonly engines?: Engines
}

// With six pools of four, a listener each for event store and bus, and what a rebuild opens, an embedded instance stays under 40.
const STORE_POOL = 4

export async function buildPlatform(options: PlatformOptions): Promise<Foundation> {
  const { urlOf, addressOf, secretOf, environment, log, logLevel, poolSize, storeRole, engines = {} } = options
  const logs = new Map<string, Log>()
  const logOf = (name: string) => remembered(logs, name, () => makeLog(name, log, logLevel))
  const pools = new Map<string, Database>()
  const pool = (name: string, role: string, max: number) =>
    remembered(pools, name, () =>
      openDatabase({
        url: urlOf(role),
        applicationName: `loomworks ${name}`,
        max,
        onError: (error) => logOf(name).warn({ err: error }, 'a database connection broke'),
      }),
    )
  const opening = (name: string, port: string) => ({
    open: (adapter: string) => pool(adapter, storeRole, STORE_POOL),
    onTrouble: (error: unknown) => logOf(name).warn({ err: error }, `the ${port} waits for its server`),
  })
  const eventStore = await openEventStore(engines, opening('event-store', 'event store'))
  const onFailure = (error: unknown, { subject, id, deliveries }: { subject: string; id: string; deliveries: number }) =>
    logOf('bus').warn({ err: error, subject, id, deliveries }, 'a message was not handled')
  const bus = await openBus(engines, { ...opening('bus', 'bus'), onFailure })
  const databaseOf = (service: ServiceName) => pool(service, service, poolSize)
  return {
    platform: { eventStore, bus, databaseOf, addressOf, secretOf, logOf, clock: systemClock, environment },
    async close() {
      await bus.drain(5000)
      await eventStore.close()
      await Promise.all([...pools.values()].map((each) => each.close()))
    },
  }
}

function remembered<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
