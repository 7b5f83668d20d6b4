import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { one, openDatabase, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { isAlive } from '../processes.ts'
import { AlreadyRunning, type Postgres, runningDatabase, StartRefused, startPostgres } from './index.ts'

const isRoot = process.getuid?.() === 0
const log = { info: () => {}, warn: () => {} }
const started: Postgres[] = []
let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lw-home-'))
  chmodSync(home, 0o755)
})

afterEach(async () => {
  for (const each of started.splice(0)) await each.stop()
  rmSync(home, { recursive: true, force: true })
})

test('a home gets its cluster once, answers on the loopback with durable settings, and stops', async () => {
  const first = await start()
  expect(await setting(first, 'fsync')).toBe('on')
  expect(await setting(first, 'listen_addresses')).toBe('127.0.0.1')
  expect(statSync(join(home, 'keys', 'postgres-password')).mode & 0o777).toBe(0o600)
  await first.stop()

  const began = performance.now()
  const second = await start()
  expect(performance.now() - began).toBeLessThan(3000)
  expect(second.adopted).toBe(false)
})

test('what a process killed with -9 left running is adopted', async () => {
  const parent = startElsewhere()
  const port = await linePrintedBy(parent)
  parent.kill('SIGKILL')
  await once(parent, 'exit')

  const next = await start()
  expect(next.adopted).toBe(true)
  expect(String(next.port)).toBe(port)
  expect(await setting(next, 'port')).toBe(port)
})

test('what was left running with other settings is started again, not adopted', async () => {
  const parent = startElsewhere()
  await linePrintedBy(parent)
  parent.kill('SIGKILL')
  await once(parent, 'exit')

  const next = await start({ work_mem: '8MB' })
  expect(next.adopted).toBe(false)
  expect(await setting(next, 'work_mem')).toBe('8MB')
})

test('a second live start of one home is refused and names the first', async () => {
  const parent = startElsewhere()
  await linePrintedBy(parent)
  const refused = await refusal(start())
  expect(refused).toBeInstanceOf(AlreadyRunning)
  expect(refused.message).toContain(`process ${parent.pid}`)
  parent.kill('SIGTERM')
  await once(parent, 'exit')
})

test('PostgreSQL killed with -9 comes back on its port', async () => {
  const postgres = await start()
  process.kill(pidOfPostmaster(), 'SIGKILL')
  await expect.poll(() => setting(postgres, 'port').catch(() => ''), { timeout: 15_000, interval: 100 }).toBe(String(postgres.port))
})

test('PostgreSQL and its supervisor killed with -9 in the middle of a statement: the next start waits for what they left', async () => {
  const parent = startElsewhere()
  await linePrintedBy(parent)
  const db = openDatabase({ url: runningDatabase(home, 'postgres') ?? '', max: 2, applicationName: 'test', onError: () => {} })
  // Nothing in a loop asks whether the postmaster is still there.
  const loop = sql`do $$ declare ends timestamptz := clock_timestamp() + interval '4 seconds'; begin while clock_timestamp() < ends loop end loop; end $$`
  const working = db.query(loop).catch(() => undefined)
  const active = sql`select pid from pg_stat_activity where state = 'active' and query like 'do %'`
  const backend = await eventually(async () => (await one(db, z.object({ pid: z.int() }), active)).pid)
  const postmaster = pidOfPostmaster()
  for (const pid of [parent.pid ?? 0, postmaster]) process.kill(pid, 'SIGKILL')
  await once(parent, 'exit')
  // It is not gone the moment it is killed, and until then it would be adopted.
  await eventually(() => expect(isAlive(postmaster)).toBe(false))
  expect(isAlive(backend)).toBe(true)

  expect(await setting(await start(), 'fsync')).toBe('on')
  await working
  await db.close()
})

test('a lock file that is none is refused with the fix', async () => {
  mkdirSync(join(home, 'run'))
  writeFileSync(join(home, 'run', 'postgres.lock'), 'not a lock')
  expect((await refusal(start())).message).toMatch(/postgres\.lock is damaged: .* delete it and start again\.$/)
})

test('a data directory that lost its content is refused, not made anew', async () => {
  await (await start()).stop()
  rmSync(join(clusterDirectory(), 'PG_VERSION'))
  expect((await refusal(start())).message).toContain('is no PostgreSQL data directory')
})

test('a damaged data directory is refused with what PostgreSQL says', async () => {
  await (await start()).stop()
  writeFileSync(join(clusterDirectory(), 'global', 'pg_control'), 'damage')
  expect((await refusal(start())).message).toMatch(/^PostgreSQL did not start \(.*\): see .*postgres\.log, then mend or move away /)
})

test('a lost password file beside existing data is refused', async () => {
  await (await start()).stop()
  rmSync(join(home, 'keys', 'postgres-password'))
  expect((await refusal(start())).message).toContain('restore the file from your backup')
})

test('a home that is a file is refused with the fix', async () => {
  rmSync(home, { recursive: true })
  writeFileSync(home, '')
  expect((await refusal(start())).message).toContain('LOOMWORKS_HOME')
})

test('a home deep below a long path keeps its sockets elsewhere', async () => {
  const deep = join(home, 'd'.repeat(60), 'e'.repeat(60))
  const postgres = await startPostgres({ home: deep, log })
  started.push(postgres)
  expect(await setting(postgres, 'unix_socket_directories')).toContain(tmpdir())
})

test.runIf(isRoot)('under root the server runs as nobody, also where nobody cannot reach the home', async () => {
  chmodSync(home, 0o700)
  home = join(home, 'inside')
  const postgres = await start()
  expect(await setting(postgres, 'data_directory')).toMatch(/^\/var\/lib\/loomworks\//)
  expect(statSync(`/proc/${pidOfPostmaster()}`).uid).toBe(65_534)
  await postgres.stop()
  rmSync(realpathSync(join(home, 'data', 'postgres')), { recursive: true })
  home = join(home, '..')
})

test.runIf(isRoot)('a home that is not writable is refused with the fix', () => {
  const bare = join(home, 'locked')
  mkdirSync(bare, { mode: 0o500 })
  chmodSync(home, 0o755)
  const run = () =>
    execFileSync(process.execPath, [join(import.meta.dirname, 'run-alone.ts'), bare], { uid: 65_534, gid: 65_534, stdio: 'pipe', encoding: 'utf8' })
  expect(run).toThrow(/is not writable: .*LOOMWORKS_HOME/)
})

async function start(settings = {}): Promise<Postgres> {
  const postgres = await startPostgres({ home, log, settings })
  started.push(postgres)
  return postgres
}

/** A process of its own, so that it can be killed without a chance to clean up. */
function startElsewhere(): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'run-alone.ts'), home], { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function linePrintedBy(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the child has no stdout')
  const [chunk] = await once(child.stdout, 'data')
  return String(chunk).trim()
}

async function setting(postgres: Postgres, name: string): Promise<string> {
  const db = openDatabase({ url: postgres.adminUrl(), max: 1, applicationName: 'test', onError: () => {} })
  try {
    const { rows } = await db.query(sql`select current_setting(${name}) as value`)
    return (rows as { value: string }[])[0]?.value ?? ''
  } finally {
    await db.close()
  }
}

async function refusal(starting: Promise<unknown>): Promise<StartRefused> {
  const error = await starting.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StartRefused)
  return error as StartRefused
}

function clusterDirectory(): string {
  return join(home, 'data', 'postgres', 'cluster')
}

function pidOfPostmaster(): number {
  return Number(readFileSync(join(clusterDirectory(), 'postmaster.pid'), 'utf8').split('\n')[0])
}
