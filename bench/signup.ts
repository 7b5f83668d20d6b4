import { PostgresBus } from '@loomworks/bus'
import { PostgresEventStore } from '@loomworks/event-store'
import { openDatabase } from '@loomworks/sql'
import { runningDatabase } from '../dev/postgres/index.ts'
import type { Benchmark } from './benchmark.ts'
import { type Floor, makeFloor } from './floor.ts'
import { freshHome, removeHome, startInstance } from './instance.ts'
import { latencies, newAdmin, throughput } from './signups.ts'

/** Signups on an embedded instance; the floor is on the same PostgreSQL. */
export const signup: Benchmark = {
  name: 'signup',
  async run({ quick }) {
    const home = freshHome()
    try {
      await using instance = await startInstance(home)
      const url = runningDatabase(home, 'loomworks')
      if (url === undefined) throw new Error('the instance has no database')
      await using floor = await postgresFloor(url)
      // In embedded mode the first person is the administrator.
      const { admin } = await newAdmin(instance.url)
      const stand = { name: 'signup', url: instance.url, floor, admin, cpuMs: () => ({ all: instance.cpuMs() }) }
      return [...(await latencies(stand, quick ? 5 : 100)), ...(await throughput(stand, quick ? 1 : 20))]
    } finally {
      removeHome(home)
    }
  },
}

async function postgresFloor(url: string): Promise<Floor & AsyncDisposable> {
  const open = (max: number) => openDatabase({ url, max, applicationName: 'bench', onError: () => undefined })
  const db = open(4)
  const stores = open(4)
  const bus = new PostgresBus({ db: stores, onTrouble: console.error })
  const store = new PostgresEventStore({ db: stores, onTrouble: console.error })
  return {
    ...(await makeFloor({ bus, store, db })),
    async [Symbol.asyncDispose]() {
      await bus.drain(1000)
      await store.close()
      await Promise.all([db.close(), stores.close()])
    },
  }
}
