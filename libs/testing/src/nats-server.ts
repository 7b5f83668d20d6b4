// A real nats-server for tests and benchmarks, on a port and in a folder of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type NatsUser, natsServerConfig } from '@loomworks/bus'

/** Why what needs a real NATS is skipped where there is none. */
export const NO_NATS_SERVER = 'no nats-server: put one on PATH, or let NATS_SERVER name it'

const ANSWER_MS = 20_000
const AGAIN_MS = 20
const SILENCE_MS = 300

/** Where nats-server is: what `NATS_SERVER` names, else the one on PATH. */
export function natsServerProgram(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'nats-server'))
  return [process.env.NATS_SERVER ?? '', ...onPath].find((path) => path !== '' && isExecutable(path))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export class NatsServer implements AsyncDisposable {
  readonly #program: string
  readonly #port: number
  readonly #users: NatsUser[]
  readonly #home = mkdtempSync(join(tmpdir(), 'loomworks-nats-'))
  #child: ChildProcess | undefined

  private constructor(program: string, port: number, users: readonly NatsUser[]) {
    this.#program = program
    this.#port = port
    this.#users = [...users]
  }

  static async start(program: string, users: readonly NatsUser[]): Promise<NatsServer> {
    const server = new NatsServer(program, await freePort(), users)
    await server.start()
    return server
  }

  urlOf(user: string): string {
    const password = this.#users.find(({ name }) => name === user)?.password ?? ''
    return `nats://${user}:${password}@127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    this.#configure()
    this.#child = spawn(this.#program, ['-c', this.#path('nats.conf'), '-l', this.#path('nats.log')], { stdio: 'ignore' })
    await until(async () => (await this.#answerTo('', /INFO/)) !== undefined, `nats-server does not answer, see ${this.#path('nats.log')}`)
  }

  /** Of the server while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Stops it where it stands; resolves once it has: the signal is on its way before that, and the server goes on answering. */
  async freeze(): Promise<() => void> {
    this.signal('SIGSTOP')
    const pid = String(this.#child?.pid)
    await until(() => Promise.resolve(execFileSync('ps', ['-o', 'state=', '-p', pid], { encoding: 'utf8' }).startsWith('T')), 'nats-server goes on')
    return () => this.signal('SIGCONT')
  }

  /** Ends it, in order or not; resolves when it has ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    await exit
  }

  /** Forgets all it has stored; it must have ended. */
  forget(): void {
    rmSync(this.#path('store'), { recursive: true, force: true })
  }

  /** One user more, without a restart. */
  async add(user: NatsUser): Promise<void> {
    this.#users.push(user)
    this.#configure()
    this.signal('SIGHUP')
    const login = `${this.#login(user.name)}PING\r\n`
    await until(async () => (await this.#answerTo(login, /PONG|-ERR/))?.includes('PONG') === true, `nats-server does not know ${user.name}`)
  }

  /** Says something as a user, by the bare protocol, and gives what the server answers: a message, an error that begins with -ERR, or
   *  nothing, when it has read it and says no more. */
  async ask(user: string, subject: string, body = ''): Promise<string> {
    const inbox = `_INBOX.${user}.ask`
    const words = `${this.#login(user)}SUB ${inbox} 1\r\nPUB ${subject} ${inbox} ${Buffer.byteLength(body)}\r\n${body}\r\nPING\r\n`
    const said = await this.#answerTo(words, /-ERR[^\r]*\r\n|MSG [^\r]*\r\n[\s\S]*\r\n$/)
    return /-ERR[^\r]*|MSG [\s\S]*/.exec(said ?? '')?.[0] ?? 'nothing'
  }

  /** Listens as a user, by the bare protocol; gives the server's error, or that there is none. */
  async listen(user: string, subject: string): Promise<string> {
    const said = await this.#answerTo(`${this.#login(user)}SUB ${subject} 1\r\nPING\r\n`, /PONG/)
    return /-ERR[^\r]*/.exec(said ?? '')?.[0] ?? 'listens'
  }

  #login(name: string): string {
    const password = this.#users.find((user) => user.name === name)?.password
    return `CONNECT ${JSON.stringify({ user: name, pass: password, verbose: false, headers: true, no_responders: true })}\r\n`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.#home, { recursive: true, force: true })
  }

  #path(name: string): string {
    return join(this.#home, name)
  }

  #configure(): void {
    writeFileSync(this.#path('nats.conf'), natsServerConfig({ users: this.#users, storeDir: this.#path('store'), port: this.#port, host: '127.0.0.1' }))
  }

  /** What the server says to this, up to an answer of that form. */
  #answerTo(words: string, form: RegExp): Promise<string | undefined> {
    return new Promise((resolve) => {
      let said = ''
      const socket = connect(this.#port, '127.0.0.1', () => void socket.write(words))
      socket.on('error', () => resolve(undefined))
      socket.on('close', () => resolve(said === '' ? undefined : said))
      socket.on('data', (data) => {
        said += data.toString()
        if (form.test(said)) socket.destroy()
        else if (/PONG/.test(said)) socket.setTimeout(SILENCE_MS, () => socket.destroy())
      })
    })
  }
}

async function until(done: () => Promise<boolean>, sentence: string): Promise<void> {
  const end = Date.now() + ANSWER_MS
  while (!(await done())) {
    if (Date.now() > end) throw new Error(sentence)
    await delay(AGAIN_MS)
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
