// Our supervisor of the real PostgreSQL that embedded mode runs on: binaries from npm, one cluster per home, never beyond
// the loopback, adopted when the process that started it was killed.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Lock, takeLock } from '../lock.ts'
import { isAlive } from '../processes.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { passwordFileOf, prepareCluster, type Settings, writeSettings } from './cluster.ts'
import { openPlace, type Place } from './place.ts'
import { type Postmaster, runningPostmaster, startPostmaster, stopPostmaster } from './postmaster.ts'

export { AlreadyRunning, StartRefused } from '../start-refused.ts'

export interface PostgresLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface PostgresOptions {
  readonly home: string
  readonly log: PostgresLog
  /** Over the defaults; a running postmaster with other settings is restarted, not adopted. */
  readonly settings?: Settings
}

export interface Postgres {
  /** The superuser's URL: over the Unix socket where there is one. */
  adminUrl(database?: string): string
  readonly port: number
  /** True when a postmaster left by a killed process was taken over as it was. */
  readonly adopted: boolean
  stop(): Promise<void>
}

const WATCH_MS = 1000

/** The superuser's URL of the PostgreSQL that runs in a home; undefined where none does. */
export function runningDatabase(home: string, database: string): string | undefined {
  if (!existsSync(join(home, 'data', 'postgres'))) return undefined
  const place = openPlace(home)
  const postmaster = runningPostmaster(place)
  if (!postmaster?.isReady) return undefined
  return urlOf(place, postmaster.port, readFileSync(passwordFileOf(place), 'utf8').trim(), database)
}

/** Throws StartRefused with one sentence and the fix, AlreadyRunning when another live process supervises this home. */
export async function startPostgres({ home, log, settings = {} }: PostgresOptions): Promise<Postgres> {
  const place = openPlace(home)
  const lock = takeLock(join(place.home, 'run', 'postgres.lock'), `The database in ${place.home}`)
  try {
    const binaries = findBinaries(place)
    const password = await prepareCluster(place, binaries)
    const adopted = await adoptable(place, binaries, writeSettings(place, settings))
    const postmaster = adopted ?? (await startPostmaster(place, binaries))
    log.info({ pid: postmaster.pid, port: postmaster.port, adopted: adopted !== undefined }, 'PostgreSQL is ready')
    const supervised = supervise(postmaster, { place, binaries, lock, log })
    return { ...supervised, adminUrl: (database = 'postgres') => urlOf(place, postmaster.port, password, database), adopted: adopted !== undefined }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A postmaster that is not ready, or runs with other settings, is stopped: a start of our own knows what it gets. */
async function adoptable(place: Place, binaries: Binaries, sameSettings: boolean): Promise<Postmaster | undefined> {
  const running = runningPostmaster(place)
  if (running?.isReady && sameSettings) return running
  await stopPostmaster(place, binaries)
  return undefined
}

interface Supervised {
  readonly place: Place
  readonly binaries: Binaries
  readonly lock: Lock
  readonly log: PostgresLog
}

/** Looks after the postmaster once a second and starts it again, on the same port, when it has died. */
function supervise({ pid, port }: Postmaster, { place, binaries, lock, log }: Supervised): Pick<Postgres, 'port' | 'stop'> {
  let current = pid
  let reviving: Promise<void> | undefined
  let stopped: Promise<void> | undefined
  const revive = async () => {
    log.warn({ pid: current, port }, 'PostgreSQL died; starting it again')
    await startPostmaster(place, binaries, port).then(
      (next) => {
        current = next.pid
      },
      (error: Error) => log.warn({ error: error.message }, 'PostgreSQL did not come back yet'),
    )
    reviving = undefined
  }
  const watch = setInterval(() => {
    if (!isAlive(current)) reviving ??= revive()
  }, WATCH_MS)
  watch.unref()
  const stop = async () => {
    clearInterval(watch)
    await reviving
    await stopPostmaster(place, binaries)
    // They may lie in a temporary directory, where nothing of us should stay.
    rmSync(place.sockets, { recursive: true, force: true })
    lock.release()
  }
  return {
    port,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

function urlOf(place: Place, port: number, password: string, database: string): string {
  const socket = process.platform === 'win32' ? '' : `?host=${encodeURIComponent(place.sockets)}`
  return `postgres://postgres:${password}@localhost:${port}/${encodeURIComponent(database)}${socket}`
}
