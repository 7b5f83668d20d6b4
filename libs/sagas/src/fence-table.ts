// The fence rows of a service in Postgres. A row is taken by an upsert that waits for whoever holds it, so of two commands for one
// (saga, step) the second sees what the first has done.
import { FenceState } from '@loomworks/contracts'
import { type Database, type Db, exec, ident, maybe, one, prepared, type Sql, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import type { DeliveryNote } from './delivery-note.ts'
import type { Fence, StoredReply, StoredUndo } from './fence.ts'

export interface FenceKey {
  readonly sagaId: string
  readonly step: string
}

/** The fence inside one transaction of a participant. */
export interface FenceTx {
  /** The row as it stood, held until the transaction ends; undefined where this call made it as `fresh`. */
  take(key: FenceKey, fresh: Fence): Promise<Fence | undefined>
  /** The last word of a transaction on its fence, and on the delivery, in one statement. */
  put(key: FenceKey, change: Partial<Fence>, delivery: DeliveryNote): Promise<void>
  /** Notes the delivery where the fence is left as it was taken. */
  note(delivery: DeliveryNote): Promise<void>
}

/** Where a participant keeps its fences: effect and fence of one command are one transaction. */
export interface Fences<T> {
  transaction<R>(work: (tx: T, fence: FenceTx) => Promise<R>): Promise<R>
  /** Notes a delivery that came to nothing, in a transaction of its own. */
  note(delivery: DeliveryNote): Promise<void>
}

const Reply = z.object({ outcome: z.enum(['done', 'failed']), code: z.string().optional(), data: z.record(z.string(), z.json()).optional(), at: z.string() })
const Undo = z.object({ effect: z.enum(['reversed', 'none']), at: z.string() })
const Row = z.object({ fresh: z.boolean(), state: FenceState, input_hash: z.string().nullable(), reply: Reply.nullable(), undo_reply: Undo.nullable() })

export class FenceTable implements Fences<Tx> {
  readonly #db: Database
  readonly #schema: string
  readonly #table: Sql
  readonly #deliveries: Sql

  constructor(db: Database, schema: string) {
    this.#db = db
    this.#schema = schema
    this.#table = ident(`${schema}.saga_fence`)
    this.#deliveries = ident(`${schema}.saga_delivery`)
  }

  transaction<R>(work: (tx: Tx, fence: FenceTx) => Promise<R>): Promise<R> {
    return this.#db.transaction((tx) =>
      work(tx, {
        take: (key, fresh) => this.#take(tx, key, fresh),
        put: (key, change, delivery) => this.#put(tx, { ...key, ...change }, delivery),
        note: (delivery) => this.#note(tx, delivery),
      }),
    )
  }

  /** A row that this transaction inserted has no xmax; one that was there has ours, from the update. */
  async #take(tx: Db, { sagaId, step }: FenceKey, fresh: Fence): Promise<Fence | undefined> {
    const row = await one(
      tx,
      Row,
      prepared(
        `fence_take_${this.#schema}`,
        sql`insert into ${this.#table} as f (saga_id, step, state, input_hash, reply, undo_reply)
            values (${sagaId}, ${step}, ${fresh.state}, ${fresh.inputHash}, ${jsonOf(fresh.reply)}, ${jsonOf(fresh.undoReply)})
            on conflict (saga_id, step) do update set last_seen_at = now()
            returning xmax = 0 as fresh, state, input_hash, reply, undo_reply`,
      ),
    )
    return row.fresh ? undefined : { state: row.state, inputHash: row.input_hash, reply: row.reply, undoReply: row.undo_reply }
  }

  async #put(tx: Db, { sagaId, step, state, inputHash, reply, undoReply }: FenceKey & Partial<Fence>, delivery: DeliveryNote): Promise<void> {
    await exec(
      tx,
      prepared(
        `fence_put_${this.#schema}`,
        sql`with noted as (${this.#noteOf(delivery)})
            update ${this.#table}
               set state = coalesce(${state ?? null}, state),
                   input_hash = coalesce(${inputHash ?? null}, input_hash),
                   reply = coalesce(${jsonOf(reply)}, reply),
                   undo_reply = coalesce(${jsonOf(undoReply)}, undo_reply)
             where saga_id = ${sagaId} and step = ${step}`,
      ),
    )
  }

  note(delivery: DeliveryNote): Promise<void> {
    return this.#note(this.#db, delivery)
  }

  async #note(db: Db, delivery: DeliveryNote): Promise<void> {
    await exec(db, prepared(`fence_note_${this.#schema}`, this.#noteOf(delivery)))
  }

  #noteOf({ sagaId, step, dir, attempt, deliveryNo, at, instance, result, errorClass, durationMs }: DeliveryNote): Sql {
    return sql`insert into ${this.#deliveries} (saga_id, step, dir, attempt, delivery_no, at, instance, result, error_class, duration_ms)
               values (${sagaId}, ${step}, ${dir}, ${attempt}, ${deliveryNo}, ${at}, ${instance}, ${result}, ${errorClass ?? null}, ${durationMs})`
  }

  /** The row of a stream fence, written after the fact: a later state of the step is never overwritten by an earlier one. A do that
   *  the store took as a repeat is told from a new one by the row alone. */
  async remember({ sagaId, step }: FenceKey, fence: Fence, delivery: DeliveryNote): Promise<Fence | undefined> {
    const { dir, attempt, deliveryNo, at, instance, result, durationMs } = delivery
    const row = await maybe(
      this.#db,
      Row,
      sql`with kept as (
            insert into ${this.#table} as f (saga_id, step, state, input_hash, reply, undo_reply)
            values (${sagaId}, ${step}, ${fence.state}, ${fence.inputHash}, ${jsonOf(fence.reply)}, ${jsonOf(fence.undoReply)})
            on conflict (saga_id, step) do update
               set last_seen_at = now(),
                   state = case when f.state = 'done' then excluded.state else f.state end,
                   undo_reply = coalesce(f.undo_reply, excluded.undo_reply)
            returning xmax = 0 as fresh, state, input_hash, reply, undo_reply
          ), noted as (
            insert into ${this.#deliveries} (saga_id, step, dir, attempt, delivery_no, at, instance, duration_ms, result, error_class)
            select ${sagaId}, ${step}, ${dir}, ${attempt}, ${deliveryNo}, ${at}, ${instance}, ${durationMs},
                   case when fresh or ${dir}::text = 'undo' then ${result}::text when input_hash <> ${fence.inputHash} then 'error' else 'duplicate' end,
                   case when input_hash <> ${fence.inputHash} then 'saga.input_mismatch' end
              from kept
          )
          select fresh, state, input_hash, reply, undo_reply from kept`,
    )
    return row === undefined || row.fresh ? undefined : { state: row.state, inputHash: row.input_hash, reply: row.reply, undoReply: row.undo_reply }
  }

  /** Drops rows 30 days after their last use, which is longer than the bus keeps any command, and notes of deliveries after 7.
   *  Bounded; gives the number. */
  async expire(): Promise<number> {
    const fences = await exec(
      this.#db,
      sql`delete from ${this.#table}
           where (saga_id, step) in (select saga_id, step from ${this.#table} where last_seen_at < now() - interval '30 days' limit 10000)`,
    )
    const notes = await exec(
      this.#db,
      sql`delete from ${this.#deliveries}
           where ctid = any (array(select ctid from ${this.#deliveries} where at < now() - interval '7 days' limit 10000))`,
    )
    return fences + notes
  }
}

function jsonOf(value: StoredReply | StoredUndo | null | undefined): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value)
}
