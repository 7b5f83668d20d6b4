// Records of a batch go in together, each once: a repeat is the record that is there. A record whose predecessor has not arrived waits
// for it, a minute at most.

import type { Priority } from '@loomworks/contracts'
import { type CommittedRecord, commit, type Draft } from '@loomworks/foray'
import { type Db, exec, many, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'

const EntityHashRevisionRow = z.object({ entity_hash: z.instanceof(Buffer).nullable(), revision: z.bigint().nullable() })
const IdRow = z.object({ id: z.string() })

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
  const { ready, somebodyWaits } = await standing(tx, arriving)
  const records = byRevision(arriving).map((each) => ({ ...each, record: commit(each.draft), waits: !follows(ready, each) }))
  const fresh = await insertRecords(tx, records)
  if (somebodyWaits || records.some(({ waits }) => waits)) await letGo(tx)
  return records.flatMap(({ record }) => (fresh.has(record.head.id) ? [record.head.priority] : []))
}

type Stored = Arriving & { readonly record: CommittedRecord; readonly waits: boolean }

/** Facts of one entity in their order; others keep the order in which they came. */
function byRevision(arriving: readonly Arriving[]): readonly Arriving[] {
  return [...arriving].sort((a, b) => (a.revision ?? 0) - (b.revision ?? 0))
}

const placeOf = (entityHash: Buffer, revision: number) => `${entityHash.toString('hex')}/${revision}`

/** Does a fact stand behind one that is ready, or at the beginning? If so it is ready for those behind it. */
function follows(ready: Set<string>, { entityHash, revision, prevRevision }: Arriving): boolean {
  if (prevRevision !== undefined && !ready.has(placeOf(entityHash, prevRevision))) return false
  if (revision !== undefined) ready.add(placeOf(entityHash, revision))
  return true
}

interface Standing {
  /** Predecessors of the batch that are stored and wait for nobody. */
  readonly ready: Set<string>
  /** Does a stored record wait for one that may be in this batch? */
  readonly somebodyWaits: boolean
}

/** Each place is looked up by itself: for a join the planner reads the whole table until it is large, and it grows with every record. */
async function standing(tx: Db, arriving: readonly Arriving[]): Promise<Standing> {
  const wanted = arriving.flatMap(({ entityHash, prevRevision }) =>
    prevRevision === undefined ? [] : [{ entity_hash: hex(entityHash), revision: prevRevision }],
  )
  if (arriving.every(({ revision }) => revision === undefined)) return { ready: new Set(), somebodyWaits: false }
  const rows = await many(
    tx,
    EntityHashRevisionRow,
    sql`select r.entity_hash, r.revision
          from jsonb_to_recordset(${JSON.stringify(wanted)}) as w(entity_hash bytea, revision bigint)
         cross join lateral (select entity_hash, revision
                               from audit.record
                              where entity_hash = w.entity_hash and revision = w.revision and wait_until is null
                              limit 1) r
        union all
        select null, null where exists (select from audit.record where log_index is null and wait_until is not null)`,
  )
  const ready = rows.flatMap(({ entity_hash, revision }) => (entity_hash === null ? [] : [placeOf(entity_hash, Number(revision))]))
  return { ready: new Set(ready), somebodyWaits: rows.length > ready.length }
}

/** Records and their parts in one statement; gives the ids of what was not there yet. */
async function insertRecords(tx: Db, records: readonly Stored[]): Promise<ReadonlySet<string>> {
  const inserted = await many(
    tx,
    IdRow,
    prepared(
      'audit_store',
      sql`with fresh as (
            insert into audit.record (id, message_id, service, class, type, fact, priority, actor_kind, approval_mode, occurred_at, recorded_at, head_salt, content_hash,
                                      entity_hash, revision, prev_revision, wait_until)
            select id, message_id, service, class, type, fact, priority, actor_kind, approval_mode, occurred_at, recorded_at, head_salt, content_hash, entity_hash, revision,
                   prev_revision, recorded_at + make_interval(secs => wait_s)
              from jsonb_to_recordset(${JSON.stringify(records.map(rowOf))}) as r(n integer, id uuid, message_id uuid, service text, class text, type text, fact text,
                   priority text, actor_kind text, approval_mode text, occurred_at timestamptz, recorded_at timestamptz, head_salt bytea, content_hash bytea,
                   entity_hash bytea, revision bigint, prev_revision bigint, wait_s double precision)
             order by n
            on conflict do nothing
            returning id
          ), parts as (
            insert into audit.part (record_id, n, owner_kind, owner_id, role, commitment, salt, body)
            select p.record_id, p.n, p.owner_kind, p.owner_id, p.role, p.commitment, p.salt, p.body
              from jsonb_to_recordset(${JSON.stringify(records.flatMap(partsOf))}) as p(record_id uuid, n integer, owner_kind text, owner_id uuid, role text,
                   commitment bytea, salt bytea, body jsonb)
              join fresh f on f.id = p.record_id
          )
          select id from fresh`,
    ),
  )
  return new Set(inserted.map(({ id }) => id))
}

function rowOf({ record, messageId, entityHash, revision, prevRevision, waits }: Stored, n: number): object {
  return {
    ...record.head,
    n,
    message_id: messageId,
    head_salt: hex(record.headSalt),
    content_hash: hex(record.contentHash),
    entity_hash: hex(entityHash),
    revision,
    prev_revision: prevRevision,
    wait_s: waits ? WAIT_S : undefined,
  }
}

function partsOf({ record }: Stored): readonly object[] {
  return record.parts.map(({ n, owner, body, commitment, salt }) => ({
    record_id: record.head.id,
    n,
    owner_kind: owner.k,
    owner_id: owner.k === 'deployment' ? undefined : owner.id,
    role: 'who' in body ? body.who.role : undefined,
    commitment: hex(commitment),
    salt: hex(salt),
    body,
  }))
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
