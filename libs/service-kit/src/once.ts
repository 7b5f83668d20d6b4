// An Idempotency-Key makes a write happen once (identity page §13.3): key, fingerprint of what was asked, and reply are kept in the write's
// own transaction, per actor and operation, for a day. The service owns the table `idempotency_key` in its schema.
//
// The key itself is not kept, only its digest, and the fingerprint is an HMAC under the key: whoever reads the table learns neither, and
// cannot try out which address or name a body held. One-time secrets are left out of the kept reply.
import { type Actor, type Clock, canonicalJson, hmac256, type Json, sha256, timeOf } from '@loomworks/kernel'
import { type Db, exec, ident, maybe, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { Answered, type Once, type Operation } from './operation.ts'
import { shared } from './shared-refusals.ts'

export interface KeyedCall {
  readonly service: string
  readonly operation: Pick<Operation, 'id' | 'status' | 'oneTime'>
  readonly actor: Actor
  readonly key: string
  /** What was asked: parameters, query and body as they came. */
  readonly asked: Json
  readonly clock: Clock
}

/** Says of an answer that it is one that was given before. */
export const REPLAYED = 'idempotency-replayed'
export const KEPT_MS = 86_400_000
export const IN_FLIGHT_RETRY_S = 1
const SWEPT_AT_ONCE = 20
const Kept = z.object({ fingerprint: z.string(), status: z.int(), reply: z.unknown() })

export const everyTime: Once = (db, write) => db.transaction(write)

export function onceFor(call: KeyedCall): Once {
  return (db, write) =>
    db.transaction(async (tx) => {
      const row = rowOf(call)
      if (!(await isAlone(tx, row.digest))) throw shared.idempotency_in_flight(undefined, IN_FLIGHT_RETRY_S)
      const nowMs = call.clock.now()
      const kept = await keptReply(tx, row, nowMs)
      if (kept !== undefined && kept.fingerprint !== row.fingerprint) throw shared.idempotency_key_reused()
      if (kept !== undefined) return new Answered(kept.status, kept.reply ?? undefined, { headers: { [REPLAYED]: 'true' } })
      const reply = await write(tx)
      await keep(tx, row, { ...withoutSecrets(reply, call.operation), nowMs })
      return reply
    })
}

export interface KeyRow {
  readonly table: ReturnType<typeof ident>
  readonly digest: string
  readonly fingerprint: string
}

/** Where a call under a key is kept, and what tells its request from another. */
export function rowOf({ service, operation, actor, key, asked }: KeyedCall): KeyRow {
  return {
    table: ident(`${service}.idempotency_key`),
    digest: sha256([actor.kind, actor.id, operation.id, key].join('\n')),
    fingerprint: hmac256(Buffer.from(key), canonicalJson(asked)),
  }
}

/** Is nobody else at work under this key? Held until the transaction ends, and visible to none before what it wrote is. */
async function isAlone(tx: Db, digest: string): Promise<boolean> {
  return (await one(tx, z.object({ alone: z.boolean() }), sql`select pg_try_advisory_xact_lock(hashtextextended(${digest}, 0)) as alone`)).alone
}

function keptReply(tx: Db, { table, digest }: KeyRow, nowMs: number) {
  return maybe(
    tx,
    Kept,
    sql`select fingerprint, status, reply
          from ${table}
         where key_digest = ${digest} and created_at > ${timeOf(nowMs - KEPT_MS)}`,
  )
}

interface Keeping {
  readonly status: number
  readonly reply: unknown
  readonly nowMs: number
}

async function keep(tx: Db, row: KeyRow, { status, reply, nowMs }: Keeping): Promise<void> {
  const { table, digest, fingerprint } = row
  const json = reply === undefined ? null : JSON.stringify(reply)
  await exec(
    tx,
    sql`insert into ${table} (key_digest, fingerprint, status, reply, created_at)
        values (${digest}, ${fingerprint}, ${status}, ${json}, ${timeOf(nowMs)})
        on conflict (key_digest) do update
           set fingerprint = excluded.fingerprint, status = excluded.status, reply = excluded.reply, created_at = excluded.created_at`,
  )
  await sweepOld(tx, row, nowMs)
}

/** Each reply that is kept takes a few old ones away, so the table stays as small as a day. */
export async function sweepOld(tx: Db, { table }: KeyRow, nowMs: number): Promise<void> {
  await exec(
    tx,
    sql`delete from ${table}
         where key_digest in (select key_digest
                                from ${table}
                               where created_at <= ${timeOf(nowMs - KEPT_MS)}
                               limit ${SWEPT_AT_ONCE}
                                 for update skip locked)`,
  )
}

function withoutSecrets(reply: unknown, { status, oneTime }: KeyedCall['operation']): Pick<Keeping, 'status' | 'reply'> {
  const answered = reply instanceof Answered ? reply : new Answered(status, reply)
  const { body } = answered
  if (typeof body !== 'object' || body === null) return { status: answered.status, reply: body }
  return { status: answered.status, reply: Object.fromEntries(Object.entries(body).filter(([name]) => !oneTime.includes(name))) }
}
