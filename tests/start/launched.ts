// `npm start` as a process of its own, as a person runs it: its settings, what it says, how it ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPlace } from '../../dev/postgres/place.ts'
import { runningPostmaster } from '../../dev/postgres/postmaster.ts'
import { repository } from '../architecture/tree.ts'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Launched {
  readonly pid: number
  /** What it has said once stdout holds this text; throws when it ends before. */
  says(text: string): Promise<string>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<Ended>
}

interface Settings {
  readonly LOOMWORKS_HOME: string
  readonly PORT?: string
  readonly LIMITS?: string
}

export function launch(settings: Settings, args: readonly string[] = []): Launched {
  return launched(settings, process.execPath, [join(repository, 'dev', 'start.ts'), ...args])
}

/** By npm itself, whose signals go to its shell. */
export function launchByNpm(settings: Settings): Launched {
  return launched(settings, 'npm', ['start'])
}

function launched(settings: Settings, command: string, args: readonly string[]): Launched {
  const { PORT: _port, LIMITS: _limits, LOOMWORKS_HOME: _home, ...inherited } = process.env
  const child = spawn(command, args, {
    cwd: repository,
    env: { ...inherited, ...settings, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (chunk: string) => (said[name] += chunk))
  const ended = new Promise<Ended>((done) => child.on('close', (code, signal) => done({ code, signal, ...said })))
  return { pid: child.pid ?? 0, says: (text) => saying(child, said, text), kill: (signal) => child.kill(signal), ended }
}

function saying(child: ChildProcess, said: { readonly stdout: string; readonly stderr: string }, text: string): Promise<string> {
  return new Promise((done, failed) => {
    const look = () => {
      if (said.stdout.includes(text)) done(said.stdout)
    }
    child.stdout?.on('data', look)
    child.on('close', (code) => failed(new Error(`ended with ${code} before it said ${text}: ${said.stdout}${said.stderr}`)))
    look()
  })
}

/** What a start that does not go on says before it ends. */
export function refused(settings: Settings): Promise<Ended> {
  return launch(settings).ended
}

export interface TemporaryDirectory extends Disposable {
  readonly path: string
}

/** Under root PostgreSQL runs as somebody else: where it can walk to its directory it stays inside, and goes with it. */
export function temporaryDirectory(): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'loomworks-start-'))
  chmodSync(path, 0o755)
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** The process of the PostgreSQL that runs in a home. */
export function databaseOf(home: string): number {
  const postmaster = runningPostmaster(openPlace(home))
  if (postmaster === undefined) throw new Error(`no PostgreSQL runs in ${home}`)
  return postmaster.pid
}
