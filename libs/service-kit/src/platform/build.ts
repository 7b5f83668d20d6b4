// The only place that chooses adapters. Embedded: one process, one event store and one bus on one Postgres, sockets between the
// services. Distributed: one service, its own role, addresses from the environment.
import { PostgresBus } from '@loomworks/bus'
import { PostgresEventStore } from '@loomworks/event-store'
import { type ServiceName, systemClock } from '@loomworks/kernel'
import { type Database, openDatabase } from '@loomworks/sql'
import type { Address } from '../client.ts'
import { type Log, type LogTarget, makeLog } from '../logger.ts'
import type { Platform } from '../service.ts'

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
  /** The role that event store and bus run under. */
  readonly storeRole: string
}

// With six pools of four, a listener each for event store and bus, and what a rebuild opens, an embedded instance stays under 40.
const STORE_POOL = 4

export function buildPlatform({ urlOf, addressOf, secretOf, environment, log, logLevel, poolSize, storeRole }: PlatformOptions): Foundation {
  const logs = new Map<string, Log>()
  const logOf = (name: string) => remembered(logs, name, () => makeLog(name, log, logLevel))
  const open = (role: string, name: string, max: number) =>
    openDatabase({
      url: urlOf(role),
      applicationName: `loomworks ${name}`,
      max,
      onError: (error) => logOf(name).warn({ err: error }, 'a database connection broke'),
    })
  const pools = new Map<string, Database>()
  const databaseOf = (service: ServiceName) => remembered(pools, service, () => open(service, service, poolSize))
  const troubleOf = (name: string) => (error: unknown) => logOf(name).warn({ err: error }, `the ${name} waits for its database`)
  const stores = { events: open(storeRole, 'event-store', STORE_POOL), bus: open(storeRole, 'bus', STORE_POOL) }
  const eventStore = new PostgresEventStore({ db: stores.events, onTrouble: troubleOf('event-store') })
  const onFailure = (error: unknown, { subject, id, deliveries }: { subject: string; id: string; deliveries: number }) =>
    logOf('bus').warn({ err: error, subject, id, deliveries }, 'a message was not handled')
  const bus = new PostgresBus({ db: stores.bus, onTrouble: troubleOf('bus'), onFailure })
  return {
    platform: { eventStore, bus, databaseOf, addressOf, secretOf, logOf, clock: systemClock, environment },
    async close() {
      await bus.drain(5000)
      await eventStore.close()
      await Promise.all([stores.events, stores.bus, ...pools.values()].map((pool) => pool.close()))
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
