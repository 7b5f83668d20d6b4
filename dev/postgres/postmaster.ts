import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { commandOf, isAlive } from '../processes.ts'
import { orRefuse, StartRefused } from '../start-refused.ts'
import type { Binaries } from './binaries.ts'
import { environment } from './cluster.ts'
import type { Place } from './place.ts'

export interface Postmaster {
  readonly pid: number
  readonly port: number
  readonly isReady: boolean
}

const START_SECONDS = 60
const STOP_SECONDS = 8
/** A postmaster killed with -9 is gone when its parent has taken note, its backends when their statement ends: within `statement_timeout`, 15 s. */
const LEFT_BEHIND_MS = 20_000
const AGAIN_MS = 100

/** The postmaster of this cluster, when one runs. A pid that was given to another program since counts as none. */
export function runningPostmaster({ cluster }: Place): Postmaster | undefined {
  const file = join(cluster, 'postmaster.pid')
  const [pid, , , port, , , , status] = readLines(file)
  if (pid === undefined) return undefined
  const number = Number(pid)
  if (!isAlive(number)) return undefined
  if (commandOf(number).includes(cluster)) return { pid: number, port: Number(port), isReady: status?.trim() === 'ready' }
  // PostgreSQL cleans up after a dead pid by itself, but would take a stranger's pid for its own and not start.
  rmSync(file, { force: true })
  return undefined
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    return orRefuse(file, () => {
      throw error
    })
  }
}

/** Starts PostgreSQL and waits until it answers. Without a wish the port is any free one. */
export async function startPostmaster(place: Place, binaries: Binaries, wish?: number): Promise<Postmaster> {
  const began = performance.now()
  for (let tries = 1; ; tries++) {
    const port = wish ?? (await freePort())
    const logBefore = statSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0
    const code = await pgCtl(place, binaries, ['start', '--silent', '--wait', '--timeout', String(START_SECONDS), '--options', `-c port=${port}`])
    const running = runningPostmaster(place)
    if (code === 0 && running !== undefined) return running
    const said = readFileSync(place.logFile).subarray(logBefore).toString('utf8')
    if (/pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(said) && performance.now() - began < LEFT_BEHIND_MS) {
      await delay(AGAIN_MS)
      continue
    }
    // Another program may have taken the port since it was found free.
    if (tries < 3 && /could not (bind|create any TCP)/.test(said)) continue
    throw new StartRefused(`PostgreSQL did not start (${reasonIn(said)}): see ${place.logFile}, then mend or move away ${place.cluster}.`)
  }
}

function reasonIn(log: string): string {
  const lines = log.split('\n')
  // What pg_ctl says last is only that there is a reason.
  const line = lines.findLast((each) => /FATAL|PANIC/.test(each)) ?? lines.findLast((each) => /could not/.test(each))
  return line?.replace(/^.*(FATAL|PANIC|LOG): +/, '').trim() ?? 'it gave no reason'
}

/** Ends it in order; when that takes too long, at once, and the next start recovers from the log. */
export async function stopPostmaster(place: Place, binaries: Binaries): Promise<void> {
  const stop = ['stop', '--silent', '--wait', '--timeout', String(STOP_SECONDS), '--mode']
  if (runningPostmaster(place) !== undefined && (await pgCtl(place, binaries, [...stop, 'fast'])) !== 0) await pgCtl(place, binaries, [...stop, 'immediate'])
}

/** pg_ctl starts PostgreSQL in a session of its own, so a Ctrl-C meant for us does not stop it before its clients are done. */
async function pgCtl({ cluster, owner, logFile, sockets }: Place, binaries: Binaries, args: readonly string[]): Promise<number> {
  const log = orRefuse(logFile, () => openSync(logFile, 'a', 0o600))
  try {
    const child = spawn(binaries.pgCtl, ['--pgdata', cluster, ...args], { ...owner, env: environment(), cwd: sockets, stdio: ['ignore', log, log] })
    return await new Promise((done, failed) => {
      child.on('error', failed)
      child.on('exit', (code) => done(code ?? 1))
    })
  } finally {
    closeSync(log)
  }
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((done, failed) => {
    server.on('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
