// A database for each test file, cloned from a template that holds its migrations, so that a file pays them once per run.
import { fileURLToPath } from 'node:url'
import { hashOf, newId } from '@loomworks/kernel'
import { type Database, type Db, exec, ident, many, maybe, migrate, openDatabase, sql } from '@loomworks/sql'
import { z } from 'zod'

/** Schema → folder of its migrations, and whether it has a role that reads under row-level security. */
export type Schemas = Readonly<Record<string, string | { readonly directory: string; readonly reader: boolean }>>

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The schemas every service stands on. */
export const PLATFORM_SCHEMAS: Schemas = { event_store: folder('../../event-store/migrations'), bus: folder('../../bus/migrations') }

export interface TestDatabase extends AsyncDisposable {
  /** The superuser's URL of this database. */
  readonly url: string
  readonly db: Database
  /** One more pool, for a test that needs a second instance. */
  open(max?: number): Database
}

/** A fresh database with these schemas migrated. `adminUrl` is `inject('adminUrl')`. */
export async function testDatabase(adminUrl: string, schemas: Schemas = {}): Promise<TestDatabase> {
  const admin = pool(adminUrl, 2)
  const name = `test_${newId().replaceAll('-', '')}`
  try {
    const template = await templateOf(admin, adminUrl, schemas)
    await exec(admin, sql`create database ${ident(name)} template ${ident(template)}`)
  } finally {
    await admin.close()
  }
  return opened(urlOf(adminUrl, name))
}

function opened(url: string): TestDatabase {
  const pools: Database[] = []
  const open = (max = 8) => {
    const one = pool(url, max)
    pools.push(one)
    return one
  }
  const db = open()
  return {
    url,
    db,
    open,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(pools.map((each) => each.close()))
    },
  }
}

/** Test files run side by side, so whoever comes first makes the template and the others wait for it. */
async function templateOf(admin: Database, adminUrl: string, schemas: Schemas): Promise<string> {
  const name = `template_${hashOf(schemas).slice(0, 24)}`
  await using lock = await admin.dedicated()
  await exec(lock, sql`select pg_advisory_lock(hashtext(${name}))`)
  const known = await maybe(lock, z.object({ datname: z.string() }), sql`select datname from pg_database where datname = ${name}`)
  if (known === undefined) {
    await exec(lock, sql`drop database if exists ${ident(`${name}_draft`)}`)
    await exec(lock, sql`create database ${ident(`${name}_draft`)}`)
    await migrated(urlOf(adminUrl, `${name}_draft`), schemas)
    await exec(lock, sql`alter database ${ident(`${name}_draft`)} rename to ${ident(name)}`)
  }
  return name
}

async function migrated(url: string, schemas: Schemas): Promise<void> {
  const db = pool(url, 1)
  try {
    for (const [schema, its] of Object.entries(schemas)) {
      const { directory, reader } = typeof its === 'string' ? { directory: its, reader: false } : its
      await db.transaction((tx) => migrate(tx, schema, directory, { reader }))
    }
  } finally {
    await db.close()
  }
}

function pool(url: string, max: number): Database {
  return openDatabase({ url, max, applicationName: 'test', onError: () => undefined })
}

function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${database}`
  return url.toString()
}

const Waiting = z.object({ pid: z.int() })

/** The connections to this database that wait for a lock. */
export function waitingIn(db: Db): Promise<readonly z.output<typeof Waiting>[]> {
  return many(
    db,
    Waiting,
    sql`select distinct l.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid where not l.granted and a.datname = current_database()`,
  )
}
