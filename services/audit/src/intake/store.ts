// Records of a batch go in together, each once: a repeat is the record that is there. A record whose predecessor has not arrived waits
// for it, a minute at most.

import type { Priority } from '@loomworks/contracts'
import { type CommittedRecord, commit, type Draft } from '@loomworks/foray'
import { type Db, exec, many, sql } from '@loomworks/sql'
import { z } from 'zod'

export interface Arriving {
  readonly draft: Draft
  readonly messageId: string
  readonly entityHash: Buffer
  readonly revision: number | undefined
  readonly prevRevision: number | undefined
}

const WAIT_S = 60

/** Stores what is new of a batch; gives the priorities of what was. */
export async function storeRecords(tx: Db, arriving: readonly Arriving[]): Promise<readonly Priority[]> {
  const records = arriving.map((each) => ({ ...each, record: commit(each.draft) }))
  const fresh = await insertRecords(tx, records)
  await insertParts(
    tx,
    records.filter(({ record }) => fresh.has(record.head.id)),
  )
  await holdBack(tx, [...fresh])
  await letGo(tx)
  return records.flatMap(({ record }) => (fresh.has(record.head.id) ? [record.head.priority] : []))
}

type Stored = Arriving & { readonly record: CommittedRecord }

async function insertRecords(tx: Db, records: readonly Stored[]): Promise<ReadonlySet<string>> {
  const rows = records.map(({ record, messageId, entityHash, revision, prevRevision }) => ({
    ...record.head,
    message_id: messageId,
    head_salt: hex(record.headSalt),
    content_hash: hex(record.contentHash),
    entity_hash: hex(entityHash),
    revision,
    prev_revision: prevRevision,
  }))
  const inserted = await many(
    tx,
    z.object({ id: z.string() }),
    sql`insert into audit.record (id, message_id, service, class, type, fact, priority, actor_kind, approval_mode, occurred_at, recorded_at, head_salt, content_hash,
                                  entity_hash, revision, prev_revision)
        select id, message_id, service, class, type, fact, priority, actor_kind, approval_mode, occurred_at, recorded_at, head_salt, content_hash, entity_hash, revision, prev_revision
          from jsonb_to_recordset(${JSON.stringify(rows)}) as r(id uuid, message_id uuid, service text, class text, type text, fact text, priority text, actor_kind text,
               approval_mode text, occurred_at timestamptz, recorded_at timestamptz, head_salt bytea, content_hash bytea, entity_hash bytea, revision bigint, prev_revision bigint)
        on conflict do nothing
        returning id`,
  )
  return new Set(inserted.map(({ id }) => id))
}

async function insertParts(tx: Db, records: readonly Stored[]): Promise<void> {
  const rows = records.flatMap(({ record }) =>
    record.parts.map(({ n, owner, body, commitment, salt }) => ({
      record_id: record.head.id,
      n,
      owner_kind: owner.k,
      owner_id: owner.k === 'deployment' ? undefined : owner.id,
      role: 'who' in body ? body.who.role : undefined,
      commitment: hex(commitment),
      salt: hex(salt),
      body,
    })),
  )
  if (rows.length === 0) return
  await exec(
    tx,
    sql`insert into audit.part (record_id, n, owner_kind, owner_id, role, commitment, salt, body)
        select record_id, n, owner_kind, owner_id, role, commitment, salt, body
          from jsonb_to_recordset(${JSON.stringify(rows)}) as r(record_id uuid, n integer, owner_kind text, owner_id uuid, role text, commitment bytea, salt bytea, body jsonb)`,
  )
}

async function holdBack(tx: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await exec(
    tx,
    sql`update audit.record r
           set wait_until = r.recorded_at + make_interval(secs => ${WAIT_S})
         where r.id = any(${ids}::uuid[]) and r.prev_revision is not null
           and not exists (select from audit.record p where p.entity_hash = r.entity_hash and p.revision = r.prev_revision and p.wait_until is null)`,
  )
}

/** Whose predecessor is ready is ready too, and takes its place behind it; link by link along the chain. */
async function letGo(tx: Db): Promise<void> {
  const release = sql`update audit.record r
         set wait_until = null, arrival = nextval('audit.arrival')
        from audit.record p
       where r.wait_until is not null and r.log_index is null
         and p.entity_hash = r.entity_hash and p.revision = r.prev_revision and p.wait_until is null`
  while ((await exec(tx, release)) > 0);
}

function hex(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes).toString('hex')}`
}
