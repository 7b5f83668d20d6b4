// The engines of a run, each a real server of its own that can be killed, frozen and brought back: PostgreSQL, nats-server, and an
// EventStoreDB, real where EVENTSTORE_TEST_URL names one (and then left alone), else the stub in a process.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { NatsUser } from '@loomworks/bus'
import { eventually, NatsServer } from '@loomworks/testing'
import { natsUsersOf } from '../../dev/nats-config.ts'
import { type Postgres, startPostgres } from '../../dev/postgres/index.ts'
import { makeSecrets } from '../../dev/secrets.ts'
import { SERVICES } from '../../dev/services.ts'
import { repository } from '../architecture/tree.ts'
import { freePort } from '../whole.ts'

/** A server as a run mistreats it. */
export interface Mistreated {
  readonly port: number
  /** Of its processes, the first of which has started the others; none while it is killed. */
  pids(): readonly number[]
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Starts it again where it was killed, and waits until it takes connections. */
  mend(): Promise<void>
  stop(): Promise<void>
}

/** nats-server with a user for each service, under the passwords of `secrets`. */
export async function startNats(program: string, secrets: string, others: readonly NatsUser[] = []): Promise<Mistreated> {
  makeSecrets(secrets)
  const passwordOf = (user: string) => readFileSync(join(secrets, user, 'nats-password'), 'utf8').trim()
  const server = await NatsServer.start(program, [...natsUsersOf(SERVICES, passwordOf), ...others])
  let killed = false
  return {
    port: Number(new URL(server.urlOf('migrate')).port),
    pids: () => (server.pid === undefined ? [] : [server.pid]),
    async kill() {
      killed = true
      await server.end('SIGKILL')
    },
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    async mend() {
      server.signal('SIGCONT')
      if (killed) await server.start()
      killed = false
    },
    stop: () => server[Symbol.asyncDispose](),
  }
}

/** EventStoreDB's stand-in, whose log outlives it in a file. */
export async function startStub(home: string): Promise<Mistreated> {
  const script = join(repository, 'libs', 'testing', 'src', 'esdb-stub', 'run-alone.ts')
  const port = await freePort()
  return supervised(port, () => spawn(process.execPath, [script, String(port), join(home, 'events')], { stdio: ['pipe', 'pipe', 'inherit'] }))
}

async function supervised(port: number, start: () => ChildProcess): Promise<Mistreated> {
  let child = start()
  const alive = () => child.exitCode === null && child.signalCode === null
  const ended = async (signal: NodeJS.Signals) => {
    if (!alive()) return
    const end = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    await end
  }
  const mend = async () => {
    child.kill('SIGCONT')
    if (!alive()) child = start()
    child.stdout?.resume()
    await eventually(() => answers(port))
  }
  await mend()
  return {
    port,
    pids: () => (alive() && child.pid !== undefined ? [child.pid] : []),
    kill: () => ended('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    mend,
    stop: () => ended('SIGTERM'),
  }
}

export interface MistreatedPostgres extends Mistreated {
  readonly adminUrl: string
}

/** PostgreSQL under our own supervisor, which brings it back by itself. */
export async function startDatabase(home: string): Promise<MistreatedPostgres> {
  mkdirSync(home, { recursive: true, mode: 0o755 })
  const silent = () => undefined
  const postgres = await startPostgres({ home, log: { info: silent, warn: silent }, settings: { max_connections: 300 } })
  const pids = () => {
    const parent = postmasterIn(home)
    return parent === undefined ? [] : [parent, ...childrenOf(parent)]
  }
  const signal = (name: NodeJS.Signals) => {
    for (const pid of pids()) tell(pid, name)
  }
  return {
    port: postgres.port,
    pids,
    adminUrl: overTcp(postgres),
    async kill() {
      const parent = postmasterIn(home)
      if (parent !== undefined) tell(parent, 'SIGKILL')
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async mend() {
      signal('SIGCONT')
      await eventually(() => answers(postgres.port), 30_000)
    },
    stop: () => postgres.stop(),
  }
}

/** Proxies pass TCP alone. */
function overTcp({ adminUrl, port }: Postgres): string {
  const url = new URL(adminUrl())
  url.search = ''
  url.host = `127.0.0.1:${port}`
  return url.toString()
}

function postmasterIn(home: string): number | undefined {
  const file = join(home, 'data', 'postgres', 'cluster', 'postmaster.pid')
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined
}

function childrenOf(parent: number): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  return lines.map((line) => line.trim().split(/\s+/).map(Number)).flatMap(([pid, ppid]) => (pid !== undefined && ppid === parent ? [pid] : []))
}

function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function answers(port: number): Promise<void> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy()
      done()
    })
    socket.once('error', failed)
  })
}
