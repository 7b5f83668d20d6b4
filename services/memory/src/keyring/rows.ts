// The keyring's rows. A key in the log could never be destroyed, so these rows are no projection: they are the truth about keys.
import type { Sealed, WrappedKey } from '@loomworks/event-store'
import { type Database, type Db, exec, many, maybe, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import { HolderKind, type KeyHolder } from '../vocabulary.ts'

const Wrapped = z.object({ sealed: z.custom<Sealed>(), check: z.string() })
const HolderRow = z.object({ key_id: z.string(), holder_kind: HolderKind, holder_id: z.string(), wrapped: Wrapped })
export type HolderRow = z.output<typeof HolderRow>
const KeyRow = HolderRow.extend({ data_key: z.string(), data_wrapped: Wrapped })

export interface Wrap {
  readonly id: string
  readonly wrapped: WrappedKey
}

export class KeyRows {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** A holder's key and data keys under it, in one statement; false where the holder has a key already, or has ended. */
  async addHolder({ kind, id }: KeyHolder, holder: Wrap, keys: readonly Wrap[]): Promise<boolean> {
    const added = await exec(
      this.#db,
      prepared(
        'keyring_add_holder',
        sql`with holder as (
              insert into memory.holder_key (key_id, holder_kind, holder_id, wrapped)
              select ${holder.id}::uuid, ${kind}::text, ${id}::uuid, ${JSON.stringify(holder.wrapped)}::jsonb
               where not exists (select from memory.ended_holder where holder_kind = ${kind} and holder_id = ${id})
              on conflict (holder_kind, holder_id) do nothing
              returning key_id
            )
            insert into memory.data_key (key_id, holder_key, wrapped)
            select k.id, h.key_id, k.wrapped from holder h cross join jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as k(id uuid, wrapped jsonb)`,
      ),
    )
    return added > 0
  }

  /** Data keys under a holder's key that is there; false where it is not (any more). */
  async add(holderKey: string, keys: readonly Wrap[]): Promise<boolean> {
    const added = await exec(
      this.#db,
      prepared(
        'keyring_add',
        sql`insert into memory.data_key (key_id, holder_key, wrapped)
            select k.id, h.key_id, k.wrapped
              from memory.holder_key h cross join jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as k(id uuid, wrapped jsonb)
             where h.key_id = ${holderKey}`,
      ),
    )
    return added > 0
  }

  holderOf({ kind, id }: KeyHolder): Promise<HolderRow | undefined> {
    return maybe(
      this.#db,
      HolderRow,
      sql`select key_id, holder_kind, holder_id, wrapped from memory.holder_key where holder_kind = ${kind} and holder_id = ${id}`,
    )
  }

  keys(ids: readonly string[]): Promise<readonly z.output<typeof KeyRow>[]> {
    return many(
      this.#db,
      KeyRow,
      sql`select d.key_id as data_key, d.wrapped as data_wrapped, h.key_id, h.holder_kind, h.holder_id, h.wrapped
            from memory.data_key d
            join memory.holder_key h on h.key_id = d.holder_key
           where d.key_id = any(${ids}::uuid[])`,
    )
  }

  async drop(ids: readonly string[]): Promise<void> {
    await exec(this.#db, sql`delete from memory.data_key where key_id = any(${ids}::uuid[])`)
  }
}

/** Destroys every key of a person whose signup was undone, and lets none be made again. */
export async function endHolder(db: Db, personId: string): Promise<void> {
  await exec(db, sql`insert into memory.ended_holder (holder_kind, holder_id) values ('person', ${personId}) on conflict do nothing`)
  await exec(db, sql`delete from memory.holder_key where holder_kind = 'person' and holder_id = ${personId}`)
}

/** A key that was on its way while its holder ended. */
export async function sweepEnded(db: Db): Promise<void> {
  await exec(db, sql`delete from memory.holder_key h using memory.ended_holder e where e.holder_kind = h.holder_kind and e.holder_id = h.holder_id`)
}
