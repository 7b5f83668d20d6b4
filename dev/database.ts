// The database of an embedded instance: our own PostgreSQL in its home, or the one that DATABASE_URL names.
import { Terminal } from '@loomworks/kernel'
import { releaseProjections } from '@loomworks/projections'
import type { LogFile } from '@loomworks/service-kit'
import { type Database, type Dedicated, exec, one, openDatabase, sql } from '@loomworks/sql'
import { z } from 'zod'
import { migrateAll, setPasswords } from './migrate.ts'
import { startPostgres } from './postgres/index.ts'
import { SERVICES } from './services.ts'
import { StartRefused } from './start-refused.ts'

export interface Cluster {
  /** The superuser's URL of the instance's database. */
  readonly adminUrl: string
  stop(): Promise<void>
}

export const DATABASE = 'loomworks'
const Held = z.object({ held: z.boolean() })

/** Starts PostgreSQL in the home; with a URL, holds the database it names, which one instance at a time may use. */
export async function openCluster(home: string, log: LogFile, url: string | undefined): Promise<Cluster> {
  if (url !== undefined) return heldDatabase(url)
  const postgres = await startPostgres({ home, log: databaseLog(log) })
  await withDatabase(postgres.adminUrl(), async (server) => {
    const { rowCount } = await server.query(sql`select from pg_database where datname = ${DATABASE}`)
    if (rowCount === 0) await exec(server, sql`create database loomworks`)
  }).catch(async (error: unknown) => {
    await postgres.stop()
    throw error
  })
  return { adminUrl: postgres.adminUrl(DATABASE), stop: () => postgres.stop() }
}

/** Whoever starts gives the roles new passwords, so a second instance would lock the first one out. */
async function heldDatabase(url: string): Promise<Cluster> {
  const db = openDatabase({ url, max: 1, applicationName: 'loomworks instance', onError: () => undefined })
  const stop = async (holder?: Dedicated) => {
    await holder?.[Symbol.asyncDispose]()
    await db.close()
  }
  try {
    const holder = await db.dedicated()
    const { held } = await one(holder, Held, sql`select pg_try_advisory_lock(hashtext('loomworks instance')) as held`)
    if (!held) throw new StartRefused('Another Loomworks runs on the database of DATABASE_URL: stop it, or name another database.')
    return { adminUrl: url, stop: () => stop(holder) }
  } catch (error) {
    await stop()
    if (error instanceof StartRefused) throw error
    throw new StartRefused('The database of DATABASE_URL does not answer: start it, or mend the URL.', { cause: error })
  }
}

/** Roles, schemas, tables, and a password for each role that this run knows. */
export async function migrated(adminUrl: string, passwords: Readonly<Record<string, string>>): Promise<void> {
  await withDatabase(adminUrl, async (admin) => {
    await migrateAll(admin, SERVICES)
    await setPasswords(admin, passwords)
    // The home's or the database's lock is ours, so whoever held a lease is gone.
    await exec(admin, sql`select bus.release_leases()`)
    for (const { name, projections } of SERVICES) if (projections !== undefined) await releaseProjections(admin, name)
  }).catch((error: unknown) => {
    throw error instanceof Terminal ? new StartRefused(error.message, { cause: error }) : error
  })
}

async function withDatabase(url: string, work: (db: Database) => Promise<void>): Promise<void> {
  const db = openDatabase({ url, max: 1, applicationName: 'loomworks migrate', onError: () => undefined })
  try {
    await work(db)
  } finally {
    await db.close()
  }
}

function databaseLog(log: LogFile) {
  const write = (level: string) => (fields: object, msg: string) =>
    log.write(`${JSON.stringify({ level, time: new Date().toISOString(), service: 'postgres', ...fields, msg })}\n`)
  return { info: write('info'), warn: write('warn') }
}
