// What embedded mode builds its platform on: one role for event store and bus, one for each service, secrets and passwords of this run,
// keys of this home.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ServiceName, sha256 } from '@loomworks/kernel'
import { buildPlatform, type Engines, type Foundation, type LogFile } from '@loomworks/service-kit'
import { CONSOLE_FILES } from './console.ts'
import { embeddedVaultKeys, type Home } from './home.ts'
import { PLATFORM_ROLE } from './migrate.ts'
import { addressIn, socketsIn } from './sockets.ts'

const POOL_SIZE = 4

/** New at every start: nobody has to keep them. */
export function newPasswords(): Readonly<Record<string, string>> {
  return Object.fromEntries([PLATFORM_ROLE, ...ServiceName.options].map((role) => [role, randomBytes(24).toString('base64url')]))
}

export interface Ground {
  readonly port: number
  readonly limitsOff: boolean
  /** Settings beside those that are made here. */
  readonly environment: Readonly<Record<string, string>>
  readonly home: Home
  readonly log: LogFile
  /** The superuser's URL of the instance's database. */
  readonly adminUrl: string
  readonly passwords: Readonly<Record<string, string>>
  readonly engines: Engines
}

export function foundationOf(ground: Ground): Promise<Foundation> {
  const { port, environment, home, log, adminUrl, passwords, engines } = ground
  const secrets = new Map(ServiceName.options.map((service) => [service, randomBytes(32).toString('base64url')]))
  const sockets = socketsIn(home)
  return buildPlatform({
    urlOf: (role) => urlAs(adminUrl, role, passwords[role] ?? ''),
    addressOf: (service) => addressIn(sockets, service, port),
    secretOf: (service) => secrets.get(service) ?? '',
    environment: { ...environmentOf(ground, secrets), ...environment },
    log,
    poolSize: POOL_SIZE,
    storeRole: PLATFORM_ROLE,
    engines,
  })
}

function environmentOf({ port, limitsOff, home }: Ground, secrets: ReadonlyMap<ServiceName, string>): Readonly<Record<string, string>> {
  const { former } = embeddedVaultKeys(home.path)
  const hashes = Object.fromEntries([...secrets].map(([service, secret]) => [service, sha256(secret)]))
  return {
    PUBLIC_ORIGIN: `http://localhost:${port}`,
    VAULT_KEK_FILE: home.secretFile('vault', 32),
    ...(former !== undefined && { VAULT_KEK_FORMER_FILE: former }),
    EMAIL_PEPPER_FILE: home.secretFile('email-pepper', 32),
    MEMORY_MASTER_KEY_FILE: home.secretFile('memory', 32),
    AUDIT_KEY_FILE: home.secretFile('audit', 32),
    OPERATOR_TOKEN_FILE: join(home.path, 'operator-token'),
    MAILBOX_DIR: home.mailbox,
    CONSOLE_DIR: CONSOLE_FILES,
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
