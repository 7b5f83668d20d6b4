// Reading what an engagement holds: a list from the view, one object and its history from the stream, which is always current.
import type { MemoryClass, MemoryObjectType } from '@loomworks/contracts'
import type { EventStore } from '@loomworks/event-store'
import { type EngagementId, type Envelope, idOf, Trust } from '@loomworks/kernel'
import { type Projected, projectedOf } from '@loomworks/projections'
import type { Before } from '@loomworks/service-kit'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { streamOf } from '../engagement/stream.ts'
import { LifetimeKind } from '../vocabulary.ts'
import { CurrentMemory, currentMemory } from './projection.ts'

export { CurrentMemory }

export interface MemoryFilter {
  readonly type: z.output<typeof MemoryObjectType> | undefined
  readonly lifetime: z.output<typeof LifetimeKind> | undefined
  readonly class: z.output<typeof MemoryClass> | undefined
  readonly before: Before | undefined
  readonly limit: number
}

/** Newest first. Row-level security already limits the view to what the reader may read. */
export function memoriesIn(reader: Db, engagement: EngagementId, filter: MemoryFilter): Promise<readonly CurrentMemory[]> {
  const { type = null, lifetime = null, class: memoryClass = null, before, limit } = filter
  return many(
    reader,
    CurrentMemory,
    sql`select object, engagement, type, class, binding_kind, persona_kind, persona_id, version, lifetime, detail, payload, sealed, content_event, trust, author,
               sources, supersedes, about, valid_from, valid_to, added_at, committed_at
          from memory.current_memory
         where engagement = ${engagement}
           and (${type}::text is null or type = ${type})
           and (${lifetime}::text is null or lifetime = ${lifetime})
           and (${memoryClass}::text is null or class = ${memoryClass})
           and (${before?.at ?? null}::timestamptz is null or (added_at, object) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid))
         order by added_at desc, object desc
         limit ${limit}`,
  )
}

const Referred = z.object({ object: idOf<'object'>(), engagement: idOf<'engagement'>(), lifetime: LifetimeKind, trust: Trust })
export type Referred = z.output<typeof Referred>

/** Of these objects those that the reader may read. */
export async function readable(reader: Db, objects: readonly string[]): Promise<ReadonlyMap<string, Referred>> {
  const rows = await many(
    reader,
    Referred,
    sql`select object, engagement, lifetime, trust from memory.current_memory where object = any(${[...new Set(objects)]}::uuid[])`,
  )
  return new Map(rows.map((row) => [row.object as string, row]))
}

/** An engagement's stream, folded into its objects. */
export interface ReadEngagement {
  readonly engagementVersion: number
  readonly rows: ReadonlyMap<string, CurrentMemory>
  readonly events: readonly Projected<Envelope>[]
}

export async function readEngagement(eventStore: EventStore, engagement: EngagementId): Promise<ReadEngagement> {
  const events: Projected<Envelope>[] = []
  for await (const event of eventStore.readStream(streamOf(engagement))) events.push(projectedOf(event))
  return { engagementVersion: events.length, rows: rowsOf(events), events }
}

/** The objects that were born in these envelopes of one append, as they stand after it. */
export function rowsAfter(envelopes: readonly Envelope[], stream: string): ReadonlyMap<string, CurrentMemory> {
  const place = (n: number) => ({ revision: BigInt(n), position: String(n + 1) })
  return rowsOf(envelopes.map((envelope, n) => ({ event: envelope, envelope, at: envelope.at, actor: envelope.actor, stream, ...place(n) })))
}

function rowsOf(events: readonly Projected<Envelope>[]): ReadonlyMap<string, CurrentMemory> {
  const folded: Parameters<typeof currentMemory.foldInto>[0] = new Map()
  currentMemory.foldInto(folded, events)
  return new Map([...folded.values()].flatMap(({ row }) => (row === undefined ? [] : [objectOf(row)])))
}

/** The engine forgets the type of the rows it folds. */
function objectOf(row: object): readonly [string, CurrentMemory] {
  const memory = row as CurrentMemory
  return [memory.object, memory]
}
