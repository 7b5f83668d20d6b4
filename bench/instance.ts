// A running Loomworks in processes of its own, and what they spend: CPU and memory of the whole tree, PostgreSQL included.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RunningInstance extends AsyncDisposable {
  readonly url: string
  readonly home: string
  /** Milliseconds from the command to its ready line. */
  readonly startMs: number
  /** CPU milliseconds of the tree since it began. */
  cpuMs(): number
  /** Proportional set size of the tree, in MB. */
  pssMb(): number
}

const TICKS_PER_S = 100

export function freshHome(): string {
  return mkdtempSync(join(tmpdir(), 'loomworks-bench-home-'))
}

/** Starts an instance on a home, without limits at the gateway; the home stays when it is disposed of. */
export async function startInstance(home: string, environment: Readonly<Record<string, string>> = {}): Promise<RunningInstance> {
  const port = await freePort()
  const began = performance.now()
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'dev', 'start.ts'), '--json'], {
    env: { ...process.env, LOOMWORKS_HOME: home, PORT: String(port), LIMITS: 'off', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await readyLine(child)
  const startMs = performance.now() - began
  const tree = () => treeOf([child.pid ?? 0, postmasterOf(home)])
  return {
    url: `http://localhost:${port}`,
    home,
    startMs,
    cpuMs: () => sum(tree().map(cpuMsOfProcess)),
    pssMb: () => sum(tree().map(pssMbOfProcess)),
    async [Symbol.asyncDispose]() {
      const ended = new Promise((done) => child.on('exit', done))
      child.kill('SIGTERM')
      await ended
    },
  }
}

export function removeHome(home: string): void {
  rmSync(home, { recursive: true, force: true })
}

export function readyLine(child: ChildProcess): Promise<void> {
  return new Promise((done, failed) => {
    child.stdout?.once('data', () => done())
    child.once('exit', () => failed(new Error('a process ended before it was ready')))
  })
}

export function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function postmasterOf(home: string): number {
  return Number(readFileSync(join(home, 'data', 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0])
}

/** The processes and all below them. */
function treeOf(roots: readonly number[]): readonly number[] {
  const parents = new Map(readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [[Number(name), Number(fieldsOf(Number(name))[1])] as const] : [])))
  const found = new Set(roots)
  for (let before = 0; before !== found.size; ) {
    before = found.size
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid)
  }
  return [...found]
}

export function cpuMsOfProcess(pid: number): number {
  const fields = fieldsOf(pid)
  // utime, stime and those of children that have ended (proc(5), fields 14 to 17).
  return (sum(fields.slice(11, 15).map(Number)) * 1000) / TICKS_PER_S
}

export function rssMbOfProcess(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024
}

/** What a process holds, of what it shares its part. */
export function pssMbOfProcess(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024
}

function fieldsOf(pid: number): readonly string[] {
  return read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
