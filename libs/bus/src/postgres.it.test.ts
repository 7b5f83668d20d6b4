import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newId } from '@loomworks/kernel'
import { type Database, exec, ident, migrate, one, openDatabase, raw, sql } from '@loomworks/sql'
import { expect } from 'vitest'
import { z } from 'zod'
import { type Postgres, startPostgres } from '../../../dev/postgres/index.ts'
import { TOPOLOGY } from './conformance/bench.ts'
import { type Bench, busConformance, type Server } from './conformance.ts'
import { PostgresBus } from './postgres.ts'

const silent = () => undefined
const log = { info: silent, warn: silent }

// A server of its own: it is killed, frozen and restarted.
busConformance('Postgres', async (): Promise<Bench> => {
  const home = mkdtempSync(join(tmpdir(), 'loomworks-bus-'))
  chmodSync(home, 0o755)
  const postgres = await startPostgres({ home, log })
  const url = postgres.adminUrl()
  const admin = open(url, 2)
  await admin.transaction((tx) => migrate(tx, 'bus', fileURLToPath(new URL('../migrations', import.meta.url))))
  const made = makerOf(url)
  return {
    bus: made.bus(),
    another: () => made.bus(),
    as: async (mayPublish) => made.bus(await roleWith(admin, url, mayPublish)),
    server: serverIn(home, postgres, admin),
    withoutDeadLetters: async () => {
      await exec(admin, sql`delete from bus.usage where stream = 'DLQ'`)
      await exec(admin, sql`delete from bus.stream where name = 'DLQ'`)
      return () => made.bus().ensure(TOPOLOGY)
    },
    client: { opening: OPENING, args: [url] },
    close: async () => {
      await made.close()
      await admin.close()
      await postgres.stop()
      rmSync(home, { recursive: true, force: true })
    },
  }
})

const OPENING = `
  const { openDatabase } = await import('@loomworks/sql')
  const { PostgresBus } = await import('@loomworks/bus')
  const bus = new PostgresBus({ db: openDatabase({ url: args[0], applicationName: 'client', onError: () => {} }), onTrouble: () => {} })
`

function makerOf(url: string) {
  const made: { bus: PostgresBus; db: Database }[] = []
  return {
    bus(at: string = url): PostgresBus {
      const db = open(at, 4)
      const bus = new PostgresBus({ db, onTrouble: silent })
      made.push({ bus, db })
      return bus
    },
    async close() {
      await Promise.all(made.map(({ bus }) => bus.drain(200)))
      await Promise.all(made.map(({ db }) => db.close()))
    },
  }
}

function open(url: string, max: number): Database {
  return openDatabase({ url, max, applicationName: 'test', onError: silent })
}

async function roleWith(admin: Database, url: string, mayPublish: readonly string[]): Promise<string> {
  const role = `role_${newId().replaceAll('-', '')}`
  await exec(admin, sql`create role ${ident(role)} login password ${raw(`'${role}'`)}`)
  await exec(admin, sql`grant usage on schema bus to ${ident(role)}`)
  await exec(admin, sql`insert into bus.publisher (role, pattern) select ${role}, bus.pattern_of(unnest(${mayPublish}::text[]))`)
  const own = new URL(url)
  own.username = role
  own.password = role
  return own.toString()
}

function serverIn(home: string, { port }: Postgres, admin: Database): Server {
  const postmaster = () => Number(readFileSync(join(home, 'data', 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0])
  const answers = () => expect.poll(() => exec(admin, sql`select 1`).then(() => port, String), { timeout: 25_000, interval: 20 }).toBe(port)
  const ended = async (signal: NodeJS.Signals) => {
    const before = await startedAt(admin)
    process.kill(postmaster(), signal)
    await expect.poll(() => startedAt(admin).catch(() => before), { timeout: 25_000, interval: 20 }).not.toBe(before)
    await answers()
  }
  return {
    restart: () => ended('SIGINT'),
    kill: () => ended('SIGKILL'),
    async freeze() {
      const parent = postmaster()
      process.kill(parent, 'SIGSTOP')
      const all = [parent, ...childrenOf(parent)]
      for (const pid of all) process.kill(pid, 'SIGSTOP')
      return () => {
        for (const pid of all) process.kill(pid, 'SIGCONT')
      }
    },
  }
}

/** When the server that answers now was started. */
async function startedAt(admin: Database): Promise<string> {
  return (await one(admin, z.object({ at: z.string() }), sql`select pg_postmaster_start_time() as at`)).at
}

function childrenOf(parent: number): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number))
  return pairs.flatMap(([pid, ppid]) => (pid !== undefined && ppid === parent ? [pid] : []))
}
