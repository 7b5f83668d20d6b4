// Brings a database to where this version expects it: roles, schemas, the tables of event store and bus, and every service's own.
// What a service may write is written down here, from the contracts: rows of `event_store.writer` and `bus.publisher`.
import { fileURLToPath } from 'node:url'
import { STREAM_PREFIXES, subjectsOf } from '@loomworks/contracts'
import { ServiceName } from '@loomworks/kernel'
import type { AnyService } from '@loomworks/service-kit'
import { type Database, exec, ident, migrate, sql, type Tx } from '@loomworks/sql'

/** The role that embedded mode's one event store and one bus run under: it may do what all services may. */
export const PLATFORM_ROLE = 'loomworks'

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const PLATFORM_SCHEMAS = { event_store: folder('../libs/event-store/migrations'), bus: folder('../libs/bus/migrations') }

export interface Applied {
  readonly schema: string
  readonly files: readonly string[]
}

/** Runs as a superuser. Each schema is one transaction; what is there already is left alone. */
export async function migrateAll(admin: Database, services: readonly AnyService[]): Promise<readonly Applied[]> {
  const schemas = [
    ...Object.entries(PLATFORM_SCHEMAS).map(([name, directory]) => ({ name, directory, reader: false })),
    ...services.flatMap(({ name, migrations, reader = false }) => (migrations === undefined ? [] : [{ name, directory: migrations, reader }])),
  ]
  const applied: Applied[] = []
  for (const { name, directory, reader } of schemas) {
    applied.push({ schema: name, files: await admin.transaction((tx) => migrate(tx, name, directory, { reader })) })
  }
  await admin.transaction(grantRights)
  return applied
}

async function grantRights(tx: Tx): Promise<void> {
  await exec(tx, sql`select pg_advisory_xact_lock(hashtext('grant rights'))`)
  await exec(tx, sql`do $$ begin create role loomworks login; exception when duplicate_object or unique_violation then null; end $$`)
  await exec(tx, sql`grant usage on schema event_store, bus to ${ident(PLATFORM_ROLE)}`)
  for (const service of ServiceName.options) await grantTo(tx, service)
}

async function grantTo(tx: Tx, service: ServiceName): Promise<void> {
  await exec(tx, sql`do $$ begin create role ${ident(service)} login; exception when duplicate_object or unique_violation then null; end $$`)
  await exec(tx, sql`grant usage on schema event_store, bus to ${ident(service)}`)
  for (const role of [service, PLATFORM_ROLE]) {
    const prefixes = STREAM_PREFIXES[service] ?? []
    await exec(tx, sql`insert into event_store.writer (role, prefix) select ${role}, unnest(${prefixes}::text[]) on conflict do nothing`)
    await exec(tx, sql`insert into bus.publisher (role, pattern) select ${role}, bus.pattern_of(unnest(${subjectsOf(service)}::text[])) on conflict do nothing`)
  }
}

/** Gives the login roles a password each, new at every embedded start: nobody has to keep them. */
export async function setPasswords(admin: Database, passwords: Readonly<Record<string, string>>): Promise<void> {
  for (const [role, password] of Object.entries(passwords)) {
    if (!/^[A-Za-z0-9_-]+$/.test(password)) throw new Error('a password of a role is base64url text')
    await exec(admin, { text: `alter role ${ident(role).text} password '${password}'`, values: [] })
  }
}
