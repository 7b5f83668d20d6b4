// Embedded mode: PostgreSQL, migrations and all six services in this process, on one home.
import { randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { STREAMS } from '@loomworks/contracts'
import { type Clock, ServiceName, sha256 } from '@loomworks/kernel'
import {
  type Address,
  type AnyService,
  buildPlatform,
  consumersOf,
  type Foundation,
  type LogFile,
  openLogFile,
  type Platform,
  type RunningService,
  startService,
} from '@loomworks/service-kit'
import { exec, openDatabase, sql } from '@loomworks/sql'
import { type Home, openHome } from './home.ts'
import { migrateAll, PLATFORM_ROLE, setPasswords } from './migrate.ts'
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

/** A service of a running instance; the others go on without it. */
export interface Part {
  stop(): Promise<void>
  /** Starts it again and waits until it is ready. */
  start(): Promise<void>
}

export interface Instance {
  readonly url: string
  readonly home: Home
  readonly services: readonly { readonly name: ServiceName; readonly ready: true; readonly ms: number }[]
  readonly platform: Platform
  /** The superuser's URL of the instance's database. */
  readonly adminUrl: string
  part(service: ServiceName): Part
  stop(): Promise<void>
}

const DATABASE = 'loomworks'
const POOL_SIZE = 4
const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 10_000

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
    const foundation = foundationOf({ options, home, log, postgres, passwords })
    undo.push(() => foundation.close())
    await timed('streams', () => ensureStreams(foundation.platform))
    const parts = new Parts(foundation.platform, options.clockOf)
    undo.push(() => parts.stop())
    const services = await timed('services', () => parts.start())
    const url = `http://localhost:${options.port}`
    home.announce(url)
    return { url, home, services, platform: foundation.platform, adminUrl: postgres.adminUrl(DATABASE), part: (name) => parts.of(name), stop }
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

function newPasswords(): Readonly<Record<string, string>> {
  return Object.fromEntries([PLATFORM_ROLE, ...ServiceName.options].map((role) => [role, randomBytes(24).toString('base64url')]))
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

interface Ground {
  readonly options: AllOptions
  readonly home: Home
  readonly log: LogFile
  readonly postgres: Postgres
  readonly passwords: Readonly<Record<string, string>>
}

function foundationOf({ options, home, log, postgres, passwords }: Ground): Foundation {
  const secrets = new Map(ServiceName.options.map((service) => [service, randomBytes(32).toString('base64url')]))
  const sockets = socketsIn(home)
  return buildPlatform({
    urlOf: (role) => urlAs(postgres.adminUrl(DATABASE), role, passwords[role] ?? ''),
    addressOf: (service) => addressIn(sockets, service, options.port),
    secretOf: (service) => secrets.get(service) ?? '',
    environment: { ...environmentOf(options, home, secrets), ...options.environment },
    log,
    poolSize: POOL_SIZE,
    storeRole: PLATFORM_ROLE,
  })
}

function environmentOf({ port, limitsOff }: AllOptions, home: Home, secrets: ReadonlyMap<ServiceName, string>): Readonly<Record<string, string>> {
  const hashes = Object.fromEntries([...secrets].map(([service, secret]) => [service, sha256(secret)]))
  return {
    PUBLIC_ORIGIN: `http://localhost:${port}`,
    VAULT_KEK_FILE: home.secretFile('vault', 32),
    EMAIL_PEPPER_FILE: home.secretFile('email-pepper', 32),
    MEMORY_MASTER_KEY_FILE: home.secretFile('memory', 32),
    AUDIT_KEY_FILE: home.secretFile('audit', 32),
    OPERATOR_TOKEN_FILE: join(home.path, 'operator-token'),
    SERVICE_SECRETS: JSON.stringify(hashes),
    FIRST_PERSON_IS_ADMIN: 'on',
    LIMITS: limitsOff ? 'off' : 'on',
  }
}

function urlAs(adminUrl: string, role: string, password: string): string {
  const url = new URL(adminUrl)
  url.username = role
  url.password = password
  return url.toString()
}

// A socket's path has room for some 100 bytes; a home deep in the tree keeps its sockets in the temporary directory.
const LONGEST_SOCKET_DIRECTORY = 80

function socketsIn(home: Home): string {
  const near = join(home.path, 'run', 'sockets')
  const directory = near.length <= LONGEST_SOCKET_DIRECTORY ? near : join(tmpdir(), `lw-${sha256(near).slice(0, 12)}-services`)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { uid } = lstatSync(directory)
  if (uid !== (process.getuid?.() ?? uid)) throw new StartRefused(`${directory} belongs to another user: remove it, or set TMPDIR to a directory of your own.`)
  return directory
}

function addressIn(sockets: string, service: ServiceName, port: number): Address {
  if (service === 'gateway') return { origin: `http://localhost:${port}` }
  if (process.platform === 'win32') return { origin: `http://localhost:${port + 1 + ServiceName.options.indexOf(service)}` }
  return { origin: 'http://localhost', socketPath: join(sockets, service) }
}

async function ensureStreams({ bus }: Platform): Promise<void> {
  await bus.ensure({ streams: STREAMS, consumers: SERVICES.flatMap(consumersOf) })
}

/** The six services on one platform. */
class Parts {
  readonly #platform: Platform
  readonly #clockOf: (service: ServiceName) => Clock
  readonly #running = new Map<ServiceName, RunningService>()

  constructor(platform: Platform, clockOf: (service: ServiceName) => Clock = () => platform.clock) {
    this.#platform = platform
    this.#clockOf = clockOf
  }

  /** All at once, in any order. When one refuses, the others run all the same, so that they can be stopped. */
  async start(): Promise<Instance['services']> {
    const begun = performance.now()
    const starts = await Promise.allSettled(SERVICES.map((definition) => this.#start(definition)))
    for (const start of starts) if (start.status === 'rejected') throw start.reason
    return Promise.all(
      [...this.#running.values()].map(async (service) => {
        await service.ready(READY_WITHIN_MS)
        return { name: service.name, ready: true, ms: Math.round(performance.now() - begun) } as const
      }),
    )
  }

  of(name: ServiceName): Part {
    return {
      stop: async () => this.#running.get(name)?.stop(STOP_WITHIN_MS),
      start: async () => {
        for (const definition of SERVICES) if (definition.name === name) await this.#start(definition)
        await this.#running.get(name)?.ready(READY_WITHIN_MS)
      },
    }
  }

  /** One after the other, the gateway first: nobody asks a service that is gone. */
  async stop(): Promise<void> {
    for (const { name } of [...SERVICES].reverse()) await this.#running.get(name)?.stop(STOP_WITHIN_MS)
  }

  async #start(definition: AnyService): Promise<void> {
    const { name } = definition
    this.#running.set(name, await startService(definition, { ...this.#platform, clock: this.#clockOf(name) }))
  }
}

/** What a person can mend is said in one sentence: a port that is taken, a wrong setting, a newer schema. */
function sentenceOf(error: unknown, port: number): unknown {
  if (error instanceof StartRefused || !(error instanceof Error)) return error
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
    return new StartRefused(`Port ${port} is taken by another program: stop it, or name another port with PORT.`, { cause: error })
  return error.name === 'Terminal' ? new StartRefused(error.message, { cause: error }) : error
}
