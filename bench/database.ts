// A PostgreSQL of its own for a benchmark, with the settings of embedded mode: what is said to be stored is on disk.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '@loomworks/sql'
import { migrateAll } from '../dev/migrate.ts'
import { startPostgres } from '../dev/postgres/index.ts'
import { SERVICES } from '../dev/services.ts'

export interface BenchDatabase extends AsyncDisposable {
  readonly url: string
  open(max: number): Database
}

export async function benchDatabase(): Promise<BenchDatabase> {
  const home = mkdtempSync(join(tmpdir(), 'loomworks-bench-'))
  const postgres = await startPostgres({ home, log: { info: () => undefined, warn: (fields, message) => console.error(message, fields) } })
  const pools: Database[] = []
  const open = (max: number) => {
    const pool = openDatabase({ url: postgres.adminUrl(), max, applicationName: 'bench', onError: () => undefined })
    pools.push(pool)
    return pool
  }
  await migrateAll(open(1), SERVICES)
  return {
    url: postgres.adminUrl(),
    open,
    async [Symbol.asyncDispose]() {
      await Promise.all(pools.map((pool) => pool.close()))
      await postgres.stop()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
