// A plain read model for measuring: a row for each object, changed by each event about it.
import { type NewEvent, newEvents } from '@loomworks/event-store'
import { type Caller, type Fact, newId } from '@loomworks/kernel'
import { rowProjection } from '@loomworks/projections'
import { childTrace } from '@loomworks/service-kit'
import { type Database, exec, raw } from '@loomworks/sql'
import { z } from 'zod'

interface Said extends Fact {
  readonly type: 'Said'
  readonly data: { readonly object: string; readonly words: number; readonly sentAt: number }
}

const Row = z.object({ object: z.string(), words: z.int(), version: z.int(), sent_at: z.string() })

export const said = rowProjection<Said, z.output<typeof Row>>({
  table: 'said',
  version: 1,
  row: Row,
  key: ['object'],
  streams: ['engagement-'],
  keys: (event) => [event.data.object],
  fold: (row, { data }) => ({ object: data.object, words: (row?.words ?? 0) + data.words, version: (row?.version ?? 0) + 1, sent_at: String(data.sentAt) }),
})

const AROUND: Omit<Caller, 'commandId'> = {
  actor: { kind: 'service', id: 'operator' },
  correlationId: newId(),
  causationId: newId(),
  traceparent: childTrace(),
}

/** An event about an object, in the envelope that every stream event carries. */
export async function saidEvent(stream: string, object: string, sentAt: number): Promise<readonly NewEvent[]> {
  return newEvents(stream, [{ type: 'Said', data: { object, words: 3, sentAt } }], {
    caller: { ...AROUND, commandId: newId() },
    at: new Date(sentAt).toISOString(),
  })
}

export async function makeSaid(db: Database): Promise<void> {
  await exec(db, raw('create schema talk'))
  await exec(
    db,
    raw(
      'create table talk.said_v1 (object text primary key, words integer not null, version integer not null, sent_at text not null, position bigint not null)',
    ),
  )
  await exec(db, raw('create view talk.said as select * from talk.said_v1'))
  await exec(
    db,
    raw(`
      create table talk.projection_checkpoint (name text primary key, position bigint not null, instance text, moved_at timestamptz not null default now());
      create table talk.projection_lease (name text primary key, holder text, until timestamptz);
      create table talk.projection_instance (instance text primary key, seen_at timestamptz not null);
    `),
  )
}
