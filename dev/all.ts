// Embedded mode: database, migrations and all six services in this process, on one home.
import type { Clock, ServiceName } from '@loomworks/kernel'
import { consumersOf, type Engines, ensureBus, openLogFile, type Platform } from '@loomworks/service-kit'
import { consoleBuilt } from './console.ts'
import { migrated, openCluster } from './database.ts'
import { foundationOf, newPasswords } from './foundation.ts'
import { type Home, openHome } from './home.ts'
import { type Part, Parts, type Ready } from './parts.ts'
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
  /** What the instance stands on in place of its own PostgreSQL, each by itself. */
  readonly engines?: Engines & { readonly databaseUrl?: string }
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
    const { port, limitsOff, environment = {}, engines = {} } = options
    await timed('console', consoleBuilt)
    const cluster = await timed('PostgreSQL', () => openCluster(home.path, log, engines.databaseUrl))
    undo.push(() => cluster.stop())
    const { adminUrl } = cluster
    const passwords = newPasswords()
    await timed('migrations', () => migrated(adminUrl, passwords))
    const foundation = await foundationOf({ port, limitsOff, environment, home, log, adminUrl, passwords, engines })
    undo.push(() => foundation.close())
    await timed('streams', () => ensureBus(foundation.platform.bus, engines, SERVICES.flatMap(consumersOf)))
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

/** What a person can mend is said in one sentence: a port that is taken, a wrong setting, a newer schema, an engine that does not answer. */
function sentenceOf(error: unknown, port: number): unknown {
  if (error instanceof StartRefused || !(error instanceof Error)) return error
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
    return new StartRefused(`Port ${port} is taken by another program: stop it, or name another port with PORT.`, { cause: error })
  return error.name === 'Terminal' || error.name === 'Transient' ? new StartRefused(error.message, { cause: error }) : error
}
