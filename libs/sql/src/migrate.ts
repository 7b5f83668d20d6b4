// Plain SQL files, applied once each, in the order of their names; never edited, only followed. A file that changed after it
// was applied, or a database that is newer than the code, refuses the start.
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { sha256, Terminal } from '@loomworks/kernel'
import { z } from 'zod'
import { type Db, many, type Tx } from './db.ts'
import { ident, raw, sql } from './sql.ts'

const Applied = z.object({ name: z.string(), digest: z.string() })

interface Migration {
  readonly name: string
  readonly text: string
  readonly digest: string
}

export interface MigrateOptions {
  /** Makes the role `<schema>_reader` too, which the login role may take for reads under row-level security. */
  readonly reader?: boolean
}

/** Brings a schema up to date inside the transaction of a superuser. Everything in it belongs to the role `<schema>_owner`; the
 *  login role `<schema>` gets the rights to its rows, which a migration may take back. Returns the names of the files that were
 *  applied. Throws Terminal `schema.newer` or `schema.edited`, with the sentence to show. */
export async function migrate(tx: Tx, schema: string, directory: string, { reader = false }: MigrateOptions = {}): Promise<readonly string[]> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtext(${`migrate ${schema}`}))`)
  await makeRoles(tx, schema)
  if (reader) await makeReader(tx, schema)
  await tx.query(sql`set local role ${ident(`${schema}_owner`)}`)
  const applied = await apply(tx, schema, directory)
  await tx.query(sql`reset role`)
  return applied
}

async function apply(tx: Tx, schema: string, directory: string): Promise<readonly string[]> {
  const ledger = ident(`${schema}.migration`)
  await tx.query(sql`create table if not exists ${ledger} (name text primary key, digest text not null, applied_at timestamptz not null default now())`)
  const files = await migrationsOf(directory)
  const done = await many(tx, Applied, sql`select name, digest from ${ledger} order by name`)
  refuseStrangers(schema, files, done)
  const open = files.slice(done.length)
  for (const file of open) {
    await tx.query(sql`set local search_path to ${ident(schema)}, public`)
    await tx.query(raw(file.text))
    await tx.query(sql`insert into ${ledger} (name, digest) values (${file.name}, ${file.digest})`)
  }
  return open.map((file) => file.name)
}

/** Roles belong to the cluster, so another database may have made them, perhaps at this moment. */
async function makeRoles(tx: Tx, schema: string): Promise<void> {
  const owner = ident(`${schema}_owner`)
  const login = ident(schema)
  await tx.query(raw(roleOnce(owner.text, 'nologin')))
  await tx.query(raw(roleOnce(login.text, 'login')))
  await tx.query(sql`create schema if not exists ${login} authorization ${owner}`)
  await tx.query(sql`grant usage on schema ${login} to ${login}`)
  await tx.query(sql`alter default privileges for role ${owner} in schema ${login} grant select, insert, update, delete on tables to ${login}`)
  await tx.query(sql`alter default privileges for role ${owner} in schema ${login} grant usage on sequences to ${login}`)
}

/** What it may read is said by the migrations; by itself it sees nothing but the schema. */
async function makeReader(tx: Tx, schema: string): Promise<void> {
  const reader = ident(`${schema}_reader`)
  const login = ident(schema)
  await tx.query(raw(roleOnce(reader.text, 'nologin')))
  await tx.query(raw(`do $$ begin grant ${reader.text} to ${login.text}; exception when unique_violation then null; end $$`))
  await tx.query(sql`grant usage on schema ${login} to ${reader}`)
}

function roleOnce(role: string, may: 'login' | 'nologin'): string {
  return `do $$ begin create role ${role} ${may}; exception when duplicate_object or unique_violation then null; end $$`
}

async function migrationsOf(directory: string): Promise<readonly Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(path.join(directory, name), 'utf8')
      return { name, text, digest: sha256(text) }
    }),
  )
}

function refuseStrangers(schema: string, files: readonly Migration[], done: readonly z.output<typeof Applied>[]): void {
  done.forEach((applied, index) => {
    const file = files[index]
    if (file?.name !== applied.name)
      throw new Terminal('schema.newer', `The schema "${schema}" holds ${applied.name}, which this version does not know. Start the newer version again.`)
    if (file.digest !== applied.digest)
      throw new Terminal('schema.edited', `${applied.name} of "${schema}" was changed after it had been applied. Restore the file and add a new one.`)
  })
}

/** Does the database stand exactly where the code expects it? Used by a service that may not migrate. */
export async function schemaIsCurrent(db: Db, schema: string, directory: string): Promise<boolean> {
  const files = await migrationsOf(directory)
  const done = await many(db, Applied, sql`select name, digest from ${ident(`${schema}.migration`)} order by name`)
  refuseStrangers(schema, files, done)
  return files.length === done.length
}
