// The only place that imports the Postgres driver. A Db is a pool or an open transaction; slices cannot tell which.

import { Terminal, Transient } from '@loomworks/kernel'
import pg from 'pg'
import type { z } from 'zod'
import { Frequent } from './frequent.ts'
import { prepared, type Sql, sql } from './sql.ts'

/** Something that runs one statement: a pool or a transaction. */
export interface Db {
  query(statement: Sql): Promise<{ readonly rows: readonly unknown[]; readonly rowCount: number }>
}

/** An open transaction. `afterCommit` runs its work once the commit has been acknowledged, and never after a rollback. */
export interface Tx extends Db {
  afterCommit(work: () => void): void
}

export interface Database extends Db {
  /** Runs `work` in one transaction: commit when it resolves, rollback when it throws. Serialisation failures are Transient. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** A connection of its own, for LISTEN, COPY and long work; outside the pool and its time limits. */
  dedicated(): Promise<Dedicated>
  close(): Promise<void>
}

export interface Dedicated extends Db, AsyncDisposable {
  onNotification(listener: (channel: string, payload: string) => void): void
  onClosed(listener: () => void): void
  /** The driver's client, for COPY streams alone. */
  readonly client: pg.Client
}

export interface DatabaseOptions {
  readonly url: string
  /** Most connections this pool opens. */
  readonly max?: number
  readonly applicationName: string
  /** Told of a broken idle connection; the pool replaces it by itself. */
  readonly onError: (error: Error) => void
}

// A frozen client must not hold a lock for ever (architecture §12).
const LIMITS = '-c idle_in_transaction_session_timeout=5000 -c lock_timeout=5000 -c statement_timeout=15000'

// bigint columns come as JavaScript bigint, times as RFC 3339 text, `date` as text: no silent rounding, no local zone.
const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, (text) => BigInt(text))
types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => new Date(text).toISOString())
types.setTypeParser(pg.types.builtins.DATE, (text) => text)

export function openDatabase(options: DatabaseOptions): Database {
  const shared = { connectionString: options.url, application_name: options.applicationName, types, keepAlive: true }
  const pool = new pg.Pool({ ...shared, pipeline: true, max: options.max ?? 8, options: LIMITS, connectionTimeoutMillis: 5000, idleTimeoutMillis: 30_000 })
  let closing = false
  // A server that stops while the last connections close says so to each of them; nobody needs to hear that.
  const onError = (error: Error) => {
    if (!closing) options.onError(error)
  }
  pool.on('error', onError)
  const frequent = new Frequent()
  const named = (statement: Sql): Sql => {
    const name = frequent.nameOf(statement)
    return name === undefined ? statement : prepared(name, statement)
  }
  return {
    query: (statement) => run(pool, named(statement)),
    transaction: (work) => inTransaction(pool, named, work),
    dedicated: async () => dedicatedOn(new pg.Client(shared), onError),
    close: () => {
      closing = true
      return pool.end()
    },
  }
}

async function inTransaction<T>(pool: pg.Pool, named: (statement: Sql) => Sql, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch(rethrown)
  const after: (() => void)[] = []
  let broken: Error | undefined
  // A connection that dies between two statements says so by an event, which would end the process if nobody heard it; the next
  // statement fails by itself.
  const hear = (error: Error) => {
    broken = error
  }
  client.on('error', hear)
  try {
    // The first statement does not wait for the answer to this: it follows on the same connection. Where it fails, so does everything.
    const begun = run(client, BEGIN)
    begun.catch(hear)
    const result = await work({ query: (statement) => run(client, named(statement)), afterCommit: (later) => void after.push(later) })
    await begun
    await run(client, COMMIT)
    for (const later of after) later()
    return result
  } catch (error) {
    await run(client, ROLLBACK).catch(hear)
    throw error
  } finally {
    client.off('error', hear)
    client.release(broken)
  }
}

const BEGIN = sql`begin`
const COMMIT = sql`commit`
const ROLLBACK = sql`rollback`

async function dedicatedOn(client: pg.Client, onError: (error: Error) => void): Promise<Dedicated> {
  client.on('error', onError)
  await client.connect().catch(rethrown)
  return {
    client,
    query: (statement) => run(client, statement),
    onNotification: (listener) => void client.on('notification', (message) => listener(message.channel, message.payload ?? '')),
    onClosed: (listener) => void client.on('end', listener),
    [Symbol.asyncDispose]: () => client.end(),
  }
}

async function run(target: pg.Pool | pg.PoolClient | pg.Client, { text, values, name }: Sql): Promise<{ rows: readonly unknown[]; rowCount: number }> {
  try {
    const result = await target.query({ text, values: [...values], ...(name !== undefined && { name }) })
    return { rows: result.rows, rowCount: result.rowCount ?? 0 }
  } catch (error) {
    throw classified(error)
  }
}

function rethrown(error: unknown): never {
  throw classified(error)
}

/** SQLSTATE classes that pass by themselves: connection (08), resources (53), operator (57), lock and serialisation (40, 55). */
function classified(error: unknown): Error {
  const code = sqlState(error)
  if (code === undefined) return new Transient(`database unreachable: ${(error as Error).message}`, { cause: error })
  if (/^(?:08|53|57|40|55|25P03)/.test(code)) return new Transient(`database busy (${code}): ${(error as Error).message}`, { cause: error })
  return error as Error
}

/** The five-character SQLSTATE of a database error, or undefined when it is not one. Every SQLSTATE has a digit; `EPIPE` has none. */
export function sqlState(error: unknown): string | undefined {
  const code =
    error instanceof Transient || error instanceof Terminal ? (error.cause as { code?: unknown } | undefined)?.code : (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** The name of the constraint a statement broke, or undefined. */
export function brokenConstraint(error: unknown): string | undefined {
  const state = sqlState(error)
  return state?.startsWith('23') ? (error as { constraint?: string }).constraint : undefined
}

/** Exactly one row, parsed; anything else throws. */
export async function one<S extends z.ZodType>(db: Db, row: S, statement: Sql): Promise<z.output<S>> {
  const { rows } = await db.query(statement)
  if (rows.length !== 1) throw new Terminal('sql.row_count', `expected one row, got ${rows.length}`)
  return row.parse(rows[0])
}

/** One row, parsed, or undefined when there is none. */
export async function maybe<S extends z.ZodType>(db: Db, row: S, statement: Sql): Promise<z.output<S> | undefined> {
  const { rows } = await db.query(statement)
  if (rows.length > 1) throw new Terminal('sql.row_count', `expected at most one row, got ${rows.length}`)
  return rows.length === 0 ? undefined : row.parse(rows[0])
}

/** All rows, each parsed. */
export async function many<S extends z.ZodType>(db: Db, row: S, statement: Sql): Promise<readonly z.output<S>[]> {
  const { rows } = await db.query(statement)
  return rows.map((each) => row.parse(each))
}

/** Runs a statement for its effect; gives the number of rows it touched. */
export async function exec(db: Db, statement: Sql): Promise<number> {
  return (await db.query(statement)).rowCount
}
