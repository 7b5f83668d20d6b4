// Integration events leave through an outbox row in the writer's transaction. One relay per service holds a lease row, publishes
// in seq order and is woken in process; rows stay 7 days so that they can be published again.
import type { BusEvent, EventType } from '@loomworks/contracts'
import { derivedId, type Json, Terminal, type Time } from '@loomworks/kernel'
import { type Db, exec, ident, sql } from '@loomworks/sql'
import type { z } from 'zod'
import { laneOf } from './port.ts'

export interface OutboxRow {
  readonly id: string
  readonly entityId: string
  readonly revision?: bigint
  readonly stream?: string
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly data: string
}

/** What surrounds a fact: who states it, when, and in which course of events. */
export interface Stating {
  readonly at: Time
  readonly actor: BusEvent['actor']
  readonly correlationId: string
  readonly causationId: string
  readonly traceparent: string
}

export interface Fact<S extends z.ZodType> {
  readonly type: EventType<string, S>
  readonly data: z.input<S>
  /** What makes this fact this fact: the same cause gives the same message id. */
  readonly cause: string
  readonly revision?: number
  readonly prevRevision?: number
  readonly stream?: string
}

/** The outbox row of an integration event: subject by lane and entity, message id UUIDv5(cause, type). */
export function outboxRowOf<S extends z.ZodType>({ type, data, cause, revision, prevRevision, stream }: Fact<S>, stating: Stating): OutboxRow {
  // A caller has more to say than an event may carry.
  const { at, actor, correlationId, causationId, traceparent } = stating
  const parsed = type.schema.safeParse(data)
  if (!parsed.success) throw new Terminal('schema', `${type.name} does not fit its own schema`, { cause: parsed.error })
  const entity = type.entity(parsed.data)
  const event = {
    type: type.name,
    v: type.v,
    at,
    actor,
    entity,
    ...(revision !== undefined && { revision }),
    ...(prevRevision !== undefined && { prevRevision }),
    correlationId,
    causationId,
    traceparent,
    data: parsed.data as Json,
  }
  return {
    id: derivedId(cause, type.name),
    entityId: entity,
    ...(revision !== undefined && { revision: BigInt(revision) }),
    ...(stream !== undefined && { stream }),
    subject: `evt.${type.service}.${laneOf(entity)}.${entity}.${type.name}`,
    headers: {},
    data: JSON.stringify(event),
  }
}

/** Writes rows to `<schema>.outbox` inside the caller's transaction; a row that is there already is left as it is. */
export async function enqueue(tx: Db, schema: string, rows: readonly OutboxRow[]): Promise<void> {
  if (rows.length === 0) return
  const plain = rows.map(({ id, entityId, revision, stream, subject, headers, data }) => ({
    id,
    entity_id: entityId,
    revision: revision?.toString(),
    stream,
    subject,
    headers,
    data,
  }))
  await exec(
    tx,
    sql`insert into ${ident(`${schema}.outbox`)} (id, entity_id, revision, stream, subject, headers, data)
        select id, entity_id, revision, stream, subject, headers, data
          from jsonb_to_recordset(${JSON.stringify(plain)}) as r(id uuid, entity_id text, revision bigint, stream text, subject text, headers jsonb, data text)
        on conflict (id) do nothing`,
  )
}
