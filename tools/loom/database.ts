import { readFileSync } from 'node:fs'
import { Transient } from '@loomworks/kernel'
import { type Database, openDatabase } from '@loomworks/sql'
import { DATABASE } from '../../dev/database.ts'
import { runningDatabase } from '../../dev/postgres/index.ts'
import { Failed } from './failed.ts'

/** The superuser's URL of the database: DATABASE_ADMIN_URL (its password may stand in DATABASE_ADMIN_PASSWORD_FILE), DATABASE_URL where an
 *  embedded instance was given one, or the instance that runs in LOOMWORKS_HOME. */
export function adminDatabaseUrl(): string {
  const { DATABASE_ADMIN_URL, DATABASE_ADMIN_PASSWORD_FILE, DATABASE_URL, LOOMWORKS_HOME = '.loomworks' } = process.env
  const url = DATABASE_ADMIN_URL ?? DATABASE_URL ?? runningDatabase(LOOMWORKS_HOME, DATABASE)
  if (url === undefined) throw new Failed(3, 'No database: set DATABASE_ADMIN_URL, or start Loomworks in LOOMWORKS_HOME.')
  if (DATABASE_ADMIN_PASSWORD_FILE === undefined) return url
  const whole = new URL(url)
  whole.password = encodeURIComponent(readFileSync(DATABASE_ADMIN_PASSWORD_FILE, 'utf8').trim())
  return whole.toString()
}

/** Runs work on the database as its superuser. */
export async function withAdminDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const db = openDatabase({ url: adminDatabaseUrl(), max: 1, applicationName: 'loom', onError: () => undefined })
  try {
    return await work(db)
  } catch (error) {
    throw error instanceof Transient ? new Failed(3, `The database does not answer: ${error.message}`, { cause: error }) : error
  } finally {
    await db.close()
  }
}
