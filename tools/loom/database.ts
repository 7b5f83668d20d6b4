import { Transient } from '@loomworks/kernel'
import { type Database, openDatabase } from '@loomworks/sql'
import { runningDatabase } from '../../dev/postgres/index.ts'
import { Failed } from './failed.ts'

/** Runs work on the database as its superuser: DATABASE_ADMIN_URL, or the instance that runs in LOOMWORKS_HOME. */
export async function withAdminDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const url = process.env.DATABASE_ADMIN_URL ?? runningDatabase(process.env.LOOMWORKS_HOME ?? '.loomworks', 'loomworks')
  if (url === undefined) throw new Failed(3, 'No database: set DATABASE_ADMIN_URL, or start Loomworks in LOOMWORKS_HOME.')
  const db = openDatabase({ url, max: 1, applicationName: 'loom', onError: () => undefined })
  try {
    return await work(db)
  } catch (error) {
    throw error instanceof Transient ? new Failed(3, `The database does not answer: ${error.message}`, { cause: error }) : error
  } finally {
    await db.close()
  }
}
