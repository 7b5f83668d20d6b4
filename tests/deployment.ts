// A distributed deployment of processes on this machine: every service under its own role, with the secrets that `loom secrets make` makes
// and the database that `loom migrate` makes, in as many instances as are asked for.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ServiceName } from '@loomworks/kernel'
import { exec, openDatabase } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { makeSecrets } from '../dev/secrets.ts'
import { repository } from './architecture/tree.ts'
import { freePort } from './whole.ts'

export interface DeploymentOptions {
  /** The superuser's URL of a server; the deployment makes a database of its own on it. */
  readonly adminUrl: string
  /** Of every service; 1 where not said. */
  readonly instances?: number
  /** EVENTSTORE_URL, NATS_URL and whatever else processes and `loom` are told. */
  readonly environment?: Readonly<Record<string, string>>
  /** What one process is told over that: its way to an engine may lead through a proxy. */
  readonly environmentOf?: (name: string, own: Readonly<Record<string, string>>) => Readonly<Record<string, string>>
  /** The script that runs a service, in place of `npm run service`'s. */
  readonly scriptOf?: (service: ServiceName) => string
  /** What browsers see it under; the first gateway's own URL where not said. */
  readonly publicOrigin?: string
  /** Holds logs and secrets; one of its own that goes with the deployment where none is given. */
  readonly home?: string
}

const READY_WITHIN_MS = 60_000
const KEYS: Readonly<Record<string, string>> = {
  VAULT_KEK_FILE: 'vault.key',
  EMAIL_PEPPER_FILE: 'email-pepper.key',
  SERVICE_SECRETS_FILE: 'service-hashes.json',
  OPERATOR_TOKEN_FILE: 'operator-token',
  MEMORY_MASTER_KEY_FILE: 'memory.key',
  AUDIT_KEY_FILE: 'audit.key',
}

export class Deployment implements AsyncDisposable {
  readonly home: string
  readonly logs: string
  /** The superuser's URL of the deployment's database. */
  readonly adminUrl: string
  readonly processes: readonly ServiceProcess[]
  readonly #options: DeploymentOptions

  private constructor(options: DeploymentOptions, ports: ReadonlyMap<ServiceName, readonly number[]>) {
    this.#options = options
    this.home = options.home ?? mkdtempSync(join(tmpdir(), 'loomworks-deployment-'))
    this.logs = join(this.home, 'logs')
    const database = new URL(options.adminUrl)
    database.pathname = `/deployment_${randomBytes(6).toString('hex')}`
    this.adminUrl = database.toString()
    mkdirSync(this.logs)
    makeSecrets(join(this.home, 'secrets'))
    this.processes = [...ports].flatMap(([service, own]) => own.map((port, n) => this.#process(`${service}-${n}`, { service, port, ports })))
  }

  static async start(options: DeploymentOptions): Promise<Deployment> {
    const ports = new Map<ServiceName, readonly number[]>()
    for (const service of ServiceName.options) ports.set(service, await freePorts(options.instances ?? 1))
    const deployment = new Deployment(options, ports)
    try {
      await deployment.#prepare()
      for (const each of deployment.processes) each.start()
      await Promise.all(deployment.processes.map((each) => each.ready()))
      return deployment
    } catch (error) {
      await deployment[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Where the gateway answers, an URL for each instance; the first is its public origin. */
  get urls(): readonly string[] {
    return this.processes.filter(({ service }) => service === 'gateway').map(({ url }) => url)
  }

  get operatorToken(): string {
    return readFileSync(this.#secret('identity', 'operator-token'), 'utf8').trim()
  }

  /** Runs `loom` as an operator of this deployment would. */
  async loom(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, ...this.#options.environment, ...this.#adminEnvironment() }
    const { stdout } = await promisify(execFile)(process.execPath, [join(repository, 'tools', 'loom', 'main.ts'), ...args], { cwd: repository, env })
    return stdout
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((each) => each.kill('SIGTERM')))
    const server = openDatabase({ url: this.#options.adminUrl, max: 1, applicationName: 'deployment', onError: () => undefined })
    await exec(server, { text: `drop database if exists ${new URL(this.adminUrl).pathname.slice(1)} with (force)`, values: [] }).catch(() => undefined)
    await server.close()
    if (this.#options.home === undefined) rmSync(this.home, { recursive: true, force: true })
  }

  async #prepare(): Promise<void> {
    const server = openDatabase({ url: this.#options.adminUrl, max: 1, applicationName: 'deployment', onError: () => undefined })
    await exec(server, { text: `create database ${new URL(this.adminUrl).pathname.slice(1)}`, values: [] })
    await server.close()
    await this.loom('migrate', '--role-passwords', this.#secret('migrate', 'role-passwords.json'))
  }

  #adminEnvironment(): Readonly<Record<string, string>> {
    return { DATABASE_ADMIN_URL: this.adminUrl, NATS_USER: 'migrate', NATS_PASSWORD_FILE: this.#secret('migrate', 'nats-password') }
  }

  #secret(folder: string, file: string): string {
    return join(this.home, 'secrets', folder, file)
  }

  #process(name: string, where: Place): ServiceProcess {
    const own = this.#environment(where)
    const { scriptOf = () => join(repository, 'dev', 'service.ts'), environmentOf } = this.#options
    const { service, port } = where
    return new ServiceProcess(name, { service, port, logs: this.logs, script: scriptOf(service), environment: { ...own, ...environmentOf?.(name, own) } })
  }

  #environment({ service, port, ports }: Place): Readonly<Record<string, string>> {
    const database = new URL(this.adminUrl)
    database.username = service
    database.password = ''
    const urlsOf = (own: readonly number[]) => own.map((each) => `http://localhost:${each}`).join(',')
    return {
      ...Object.fromEntries([...ports].map(([name, all]) => [`${name.toUpperCase()}_URL`, urlsOf(all)])),
      ...Object.fromEntries(Object.entries(KEYS).map(([name, file]) => [name, this.#secret(service, file)])),
      LISTEN_PORT: String(port),
      DATABASE_URL: database.toString(),
      DATABASE_PASSWORD_FILE: this.#secret(service, 'database-password'),
      NATS_PASSWORD_FILE: this.#secret(service, 'nats-password'),
      SERVICE_SECRET_FILE: this.#secret(service, 'service-secret'),
      PUBLIC_ORIGIN: this.#options.publicOrigin ?? `http://localhost:${ports.get('gateway')?.[0]}`,
      RATE_IP: '100000/s',
      RATE_AUTH: '100000/s',
      RATE_SIGNUP_BEGIN: '100000/s',
      RATE_CLAIM: '100000/s',
      RATE_PERSON: '100000/s',
      RATE_AGENT: '100000/s',
      ...this.#options.environment,
    }
  }
}

interface Place {
  readonly service: ServiceName
  readonly port: number
  readonly ports: ReadonlyMap<ServiceName, readonly number[]>
}

interface ProcessOptions {
  readonly service: ServiceName
  readonly port: number
  readonly script: string
  readonly logs: string
  readonly environment: Readonly<Record<string, string>>
}

/** One instance of a service, which may be killed, frozen and started again. */
export class ServiceProcess {
  readonly name: string
  readonly service: ServiceName
  readonly url: string
  readonly #options: ProcessOptions
  #child: ChildProcess | undefined
  #told = false

  constructor(name: string, options: ProcessOptions) {
    this.name = name
    this.service = options.service
    this.url = `http://localhost:${options.port}`
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined
  }

  /** How it ended, when it did so without being told to. */
  get diedBy(): string | undefined {
    const { exitCode = null, signalCode = null } = this.#child ?? {}
    return this.#told || (exitCode === null && signalCode === null) ? undefined : `${this.name} ended by itself: ${signalCode ?? `code ${exitCode}`}`
  }

  /** Starts it; `extra` settings hold for this run alone. */
  start(extra: Readonly<Record<string, string>> = {}): void {
    const { service, logs, script, environment } = this.#options
    const env = { ...process.env, ...environment, ...extra }
    const child = spawn(process.execPath, [script, service], { cwd: repository, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const log = createWriteStream(join(logs, `${this.name}.log`), { flags: 'a' })
    for (const stream of [child.stdout, child.stderr]) stream.pipe(log, { end: false })
    child.once('exit', () => log.end())
    this.#child = child
    this.#told = false
  }

  async ready(): Promise<void> {
    await eventually(async () => {
      if (this.pid === undefined) throw new Error(`${this.name} has ended`)
      const { status } = await fetch(new URL('/readyz', this.url), { signal: AbortSignal.timeout(2000) })
      if (status !== 200) throw new Error(`${this.name} is not ready: ${status}`)
    }, READY_WITHIN_MS).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${readFileSync(join(this.#options.logs, `${this.name}.log`), 'utf8').slice(-4000)}`)
    })
  }

  /** Sends a signal and waits for the end; gives the exit code, null after a kill. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (child === undefined || this.pid === undefined) return Promise.resolve(child?.exitCode ?? null)
    this.#told = true
    return new Promise((done) => {
      child.once('exit', (code) => done(code))
      child.kill(signal)
      // A frozen process hears of a SIGTERM when it goes on.
      child.kill('SIGCONT')
    })
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}
