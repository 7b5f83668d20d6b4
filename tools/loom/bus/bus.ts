import type { Bus } from '@loomworks/bus'
import { type Engines, openBus } from '@loomworks/service-kit'
import { type Database, openDatabase } from '@loomworks/sql'
import { adminDatabaseUrl } from '../database.ts'

const DRAIN_MS = 5000

/** Runs work on the bus of the deployment: the one of NATS_URL, else the one on its database. */
export async function withBus<T>(engines: Engines, work: (bus: Bus) => Promise<T>): Promise<T> {
  const pools: Database[] = []
  const open = () => {
    const db = openDatabase({ url: adminDatabaseUrl(), max: 2, applicationName: 'loom bus', onError: () => undefined })
    pools.push(db)
    return db
  }
  const bus = await openBus(engines, { open, onTrouble: () => undefined, onFailure: () => undefined })
  try {
    return await work(bus)
  } finally {
    await bus.drain(DRAIN_MS)
    await Promise.all(pools.map((db) => db.close()))
  }
}
