import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onceWritten } from '../home.ts'
import { StartRefused } from '../start-refused.ts'
import type { Binaries } from './binaries.ts'
import { draftOf, type Place } from './place.ts'

export type Settings = Readonly<Record<string, string | number | boolean>>

const MAJOR = '17'

// Sized for one machine that runs all six services: what is said to be stored is on disk, and the footprint stays small.
const DEFAULTS: Settings = {
  fsync: true,
  synchronous_commit: true,
  full_page_writes: true,
  max_connections: 60,
  shared_buffers: '64MB',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  max_wal_size: '512MB',
  wal_level: 'minimal',
  max_wal_senders: 0,
  max_worker_processes: 4,
  max_parallel_workers_per_gather: 0,
  max_logical_replication_workers: 0,
  jit: false,
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  log_checkpoints: false,
  password_encryption: 'scram-sha-256',
}

/** Only this environment reaches PostgreSQL: a PGDATA or PGPORT of the caller must not. */
export function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, SystemRoot: process.env.SystemRoot, LC_ALL: 'C', TZ: 'UTC' }
}

export function passwordFileOf({ home }: Place): string {
  return join(home, 'keys', 'postgres-password')
}

/** Makes the cluster when there is none. Returns the superuser's password. */
export async function prepareCluster(place: Place, { initdb }: Binaries): Promise<string> {
  const passwordFile = passwordFileOf(place)
  const isNew = !existsSync(place.cluster)
  if (!isNew) refuseForeign(place.cluster)
  if (!isNew && !existsSync(passwordFile)) throw new StartRefused(`${passwordFile} is missing while its database exists: restore the file from your backup.`)
  const password = readFileSync(
    onceWritten(passwordFile, () => randomBytes(24).toString('base64url')),
    'utf8',
  ).trim()
  if (isNew) await makeCluster(place, initdb, password)
  return password
}

function refuseForeign(cluster: string): void {
  const file = join(cluster, 'PG_VERSION')
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
  if (version === undefined) throw new StartRefused(`${cluster} is no PostgreSQL data directory: restore it from your backup, or move it away to start empty.`)
  if (version !== MAJOR)
    throw new StartRefused(`${cluster} was made by PostgreSQL ${version}, and this is ${MAJOR}: dump it with the old version, or name another LOOMWORKS_HOME.`)
}

async function makeCluster(place: Place, initdb: string, password: string): Promise<void> {
  const draft = draftOf(place)
  const secret = join(place.sockets, 'initial-password')
  writeFileSync(secret, password, { mode: 0o600 })
  if (place.owner.uid !== undefined && place.owner.gid !== undefined) chownSync(secret, place.owner.uid, place.owner.gid)
  const args = ['--pgdata', draft, '--username', 'postgres', '--pwfile', secret, '--auth', 'scram-sha-256', '--data-checksums']
  const locale = ['--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8']
  try {
    await promisify(execFile)(initdb, [...args, ...locale], { ...place.owner, env: environment(), cwd: place.sockets })
  } catch (cause) {
    throw new StartRefused(`PostgreSQL could not make its data directory (${reasonIn((cause as { stderr?: string }).stderr)}): mend that and start again.`, {
      cause,
    })
  } finally {
    rmSync(secret, { force: true })
  }
  appendFileSync(join(draft, 'postgresql.conf'), "include 'loomworks.conf'\n")
  renameSync(draft, place.cluster)
}

/** initdb ends with advice; what went wrong stands before it. */
function reasonIn(stderr: string | undefined): string {
  const lines = stderr?.trim().split('\n') ?? []
  return lines.findLast((line) => /error|FATAL|could not/.test(line)) ?? lines.at(-1) ?? 'it gave no reason'
}

/** Writes the settings; true when they are the ones the last start wrote. */
export function writeSettings(place: Place, settings: Settings): boolean {
  const file = join(place.cluster, 'loomworks.conf')
  const all = { ...DEFAULTS, listen_addresses: '127.0.0.1', unix_socket_directories: place.sockets, unix_socket_permissions: '0700', ...settings }
  const text = Object.entries(all)
    .map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`)
    .join('')
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return true
  writeFileSync(file, text, { mode: 0o644 })
  return false
}
