// Embedded mode: PostgreSQL, migrations and all six services in this process, on one home.
import { STREAMS } from '@loomworks/contracts'
import type { Clock, ServiceName } from '@loomworks/kernel'
import { consumersOf, type LogFile, openLogFile, type Platform } from '@loomworks/service-kit'
import { exec, openDatabase, sql } from '@loomworks/sql'
import { foundationOf, newPasswords } from './foundation.ts'
import { type Home, openHome } from './home.ts'
import { migrateAll, setPasswords } from './migrate.ts'
import { type Part, Parts, type Ready } from './parts.ts'
import { type Postgres, startPostgres } from './postgres/index.ts'
import { SERVICES } from './services.ts'
import { StartRefused } from './start-refused.ts'

export interface AllOptions {
  readonly home?: string
  readonly port: number
  /** No rate limits at the gateway. */
  readonly limitsOff: boolean
  /** A line for a person: a warning of a service. */
  readonly terminal: (line: string) => void
  /** Told when a step of the start is done. */
  readonly step: (name: string, ms: number) => void
  /** Settings of the services beside those that embedded mode makes itself. */
  readonly environment?: Readonly<Record<string, string>>
  /** The clock of a service, where it is not the machine's: services on several hosts do not agree on the time. */
  readonly clockOf?: (service: ServiceName) => Clock
}

export interface Instance {
  readonly url: string
  readonly home: Home
  readonly services: readonly Ready[]
  readonly platform: Platform
  /** The superuser's URL of the instance's database. */
  readonly adminUrl: string
  part(service: ServiceName): Part
  stop(): Promise<void>
}

const DATABASE = 'loomworks'

/** Starts everything, or throws StartRefused and leaves nothing running. */
export async function startAll(options: AllOptions): Promise<Instance> {
  const undo: (() => Promise<void> | void)[] = []
  const stop = async () => {
    for (const each of undo.splice(0).reverse()) await each()
  }
  try {
    const timed = timer(options.step)
    const home = openHome(options.home)
    undo.push(() => home.release())
    const log = openLogFile(home.logs, options.terminal)
    undo.push(() => log.close())
    const postgres = await timed('PostgreSQL', () => startPostgres({ home: home.path, log: databaseLog(log) }))
    undo.push(() => postgres.stop())
    const passwords = newPasswords()
    await timed('migrations', () => migrated(postgres, passwords))
    const adminUrl = postgres.adminUrl(DATABASE)
    const { port, limitsOff, environment = {} } = options
    const foundation = foundationOf({ port, limitsOff, environment, home, log, adminUrl, passwords })
    undo.push(() => foundation.close())
    await timed('streams', () => ensureStreams(foundation.platform))
    const parts = new Parts(foundation.platform, options.clockOf)
    undo.push(() => parts.stop())
    const services = await timed('services', () => parts.start())
    const url = `http://localhost:${port}`
    home.announce(url)
    return { url, home, services, platform: foundation.platform, adminUrl, part: (name) => parts.of(name), stop }
  } catch (error) {
    await stop()
    throw sentenceOf(error, options.port)
  }
}

function timer(step: AllOptions['step']) {
  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now()
    const result = await work()
    step(name, Math.round(performance.now() - began))
    return result
  }
}

function databaseLog(log: LogFile) {
  const write = (level: string) => (fields: object, msg: string) =>
    log.write(`${JSON.stringify({ level, time: new Date().toISOString(), service: 'postgres', ...fields, msg })}\n`)
  return { info: write('info'), warn: write('warn') }
}

async function migrated(postgres: Postgres, passwords: Readonly<Record<string, string>>): Promise<void> {
  const onError = () => undefined
  const server = openDatabase({ url: postgres.adminUrl(), max: 1, applicationName: 'loomworks migrate', onError })
  try {
    const { rowCount } = await server.query(sql`select from pg_database where datname = ${DATABASE}`)
    if (rowCount === 0) await exec(server, sql`create database loomworks`)
  } finally {
    await server.close()
  }
  const admin = openDatabase({ url: postgres.adminUrl(DATABASE), max: 1, applicationName: 'loomworks migrate', onError })
  try {
    await migrateAll(admin, SERVICES)
    await setPasswords(admin, passwords)
    // The home's lock is ours, so whoever held a lease of the bus is gone.
    await exec(admin, sql`select bus.release_leases()`)
  } finally {
    await admin.close()
  }
}

async function ensureStreams({ bus }: Platform): Promise<void> {
  await bus.ensure({ streams: STREAMS, consumers: SERVICES.flatMap(consumersOf) })
}

/** What a person can mend is said in one sentence: a port that is taken, a wrong setting, a newer schema. */
function sentenceOf(error: unknown, port: number): unknown {
  if (error instanceof StartRefused || !(error instanceof Error)) return error
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
    return new StartRefused(`Port ${port} is taken by another program: stop it, or name another port with PORT.`, { cause: error })
  return error.name === 'Terminal' ? new StartRefused(error.message, { cause: error }) : error
}
