// The secrets of a distributed deployment, each made once and never again: a folder for each process that holds only what that process
// may know, so that each folder can be mounted where it is needed and nowhere else.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { natsServerConfig } from '@loomworks/bus'
import { ServiceName, sha256 } from '@loomworks/kernel'
import { onceWritten } from './home.ts'
import { natsUsersOf } from './nats-config.ts'
import { SERVICES } from './services.ts'

/** Keys that outlive every password: data is written under them. One that two services share is the same text in both folders. */
const KEYS: Readonly<Partial<Record<ServiceName, readonly string[]>>> = {
  identity: ['vault', 'email-pepper'],
  memory: ['memory'],
  credit: ['email-pepper'],
  audit: ['audit'],
}
const SECRET_BYTES = 32
/** What a server of another user reads. */
const READABLE = 0o444

/** Makes what is missing below `directory`; what is there stays as it is. */
export function makeSecrets(directory: string): void {
  const folder = (name: string) => {
    const path = join(directory, name)
    mkdirSync(path, { recursive: true })
    return (file: string, make: () => string) => readFileSync(onceWritten(join(path, file), make), 'utf8').trim()
  }
  const shared = new Map<string, string>()
  const passwords = Object.fromEntries(ServiceName.options.map((service) => [service, serviceFolder(service, folder(service), shared)]))
  const migrate = folder('migrate')
  const admin = migrate('database-password', secret)
  const natsPassword = migrate('nats-password', secret)
  migrate('role-passwords.json', () => JSON.stringify(mapped(passwords, ({ database }) => database)))
  folder('identity')('service-hashes.json', () => JSON.stringify(mapped(passwords, ({ own }) => sha256(own))))
  folder('identity')('operator-token', () => `lwo_${secret()}`)
  folder('postgres')('password', () => admin)
  const passwordOf = (user: string) => passwords[user]?.nats ?? natsPassword
  mkdirSync(join(directory, 'nats'), { recursive: true })
  // Made anew each time: what the services of this version may say and read is in it.
  const conf = `http: "127.0.0.1:8222"\n${natsServerConfig({ users: natsUsersOf(SERVICES, passwordOf), storeDir: '/data' })}`
  rmSync(join(directory, 'nats', 'nats.conf'), { force: true })
  writeFileSync(join(directory, 'nats', 'nats.conf'), conf, { mode: READABLE })
  chmodSync(join(directory, 'postgres', 'password'), READABLE)
}

type Write = (file: string, make: () => string) => string

interface Passwords {
  readonly database: string
  readonly nats: string
  readonly own: string
}

function serviceFolder(service: ServiceName, write: Write, shared: Map<string, string>): Passwords {
  for (const key of KEYS[service] ?? [])
    shared.set(
      key,
      write(`${key}.key`, () => shared.get(key) ?? secret()),
    )
  return { database: write('database-password', secret), nats: write('nats-password', secret), own: write('service-secret', secret) }
}

function mapped<V>(passwords: Readonly<Record<string, Passwords>>, read: (each: Passwords) => V): Readonly<Record<string, V>> {
  return Object.fromEntries(Object.entries(passwords).map(([name, each]) => [name, read(each)]))
}

function secret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}
