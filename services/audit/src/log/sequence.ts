// Gives waiting records their places in the log: dense, in the order of arrival, in one transaction with the tiles and the frontier.
import { entryOf, type Frontier, grown, leafHash } from '@loomworks/foray'
import { type Database, type Db, exec, many, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { growTiles } from './tiles.ts'

const ReadyRow = z.object({ ready: z.boolean() })

export const BATCH = 1024
const bytes = z.instanceof(Buffer)
const IdContentHashRow = z.object({ id: z.string(), content_hash: bytes })

export const LogState = z.object({ size: z.bigint().transform(Number), frontier: z.array(bytes), signed_size: z.bigint().transform(Number) })
export type LogState = z.output<typeof LogState>

export function logState(db: Db): Promise<LogState> {
  return one(db, LogState, sql`select size, frontier, signed_size from audit.log_state`)
}

/** Sequences one batch; gives how many records it was. One instance at a time holds the lock; whoever else tries writes nothing. */
export function sequenceBatch(db: Database): Promise<number> {
  return db.transaction(async (tx) => {
    await exec(tx, sql`select pg_advisory_xact_lock(hashtext('audit.sequencer'))`)
    const waiting = await many(
      tx,
      IdContentHashRow,
      sql`select id, content_hash from audit.record where log_index is null and wait_until is null order by arrival limit ${BATCH}`,
    )
    if (waiting.length === 0) return 0
    const { size, frontier } = await logState(tx)
    const leaves = waiting.map(({ content_hash }) => leafHash(entryOf(content_hash)))
    await growTiles(tx, size, leaves)
    await place(
      tx,
      size,
      waiting.map(({ id }) => id),
    )
    const next = leaves.reduce<Frontier>((grownSoFar, leaf, index) => grown(grownSoFar, size + index, leaf), frontier)
    const changed = await exec(tx, sql`update audit.log_state set size = ${size + leaves.length}, frontier = ${[...next]} where size = ${size}`)
    if (changed !== 1) throw new Error('another sequencer moved the log')
    return waiting.length
  })
}

/** A record whose predecessor did not come in time goes in without it; is there anything to sequence? */
export async function overdueOrReady(db: Db, now: string): Promise<boolean> {
  const { ready } = await one(
    db,
    ReadyRow,
    sql`with overdue as (
          update audit.record set wait_until = null, arrival = nextval('audit.arrival') where log_index is null and wait_until <= ${now} returning id
        )
        select exists (select from overdue) or exists (select from audit.record where log_index is null and wait_until is null) as ready`,
  )
  return ready
}

async function place(tx: Db, size: number, ids: readonly string[]): Promise<void> {
  await exec(
    tx,
    sql`update audit.record r set log_index = ${size} + w.n - 1
          from unnest(${ids}::uuid[]) with ordinality w(id, n)
         where r.id = w.id`,
  )
}
