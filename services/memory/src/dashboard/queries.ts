// The dashboards share one set of engagements: the reader's, the personal ones left out. They are left out when the rows are made, too.
import { Actor, idOf } from '@loomworks/kernel'
import type { Before } from '@loomworks/service-kit'
import { type Db, many, type Sql, sql } from '@loomworks/sql'
import { z } from 'zod'
import { CurrentMemory } from '../current-memory/queries.ts'
import { Titled } from '../titles.ts'
import { ActivityKind } from '../vocabulary.ts'

const sharedEngagements = sql`select engagement, state, number, title, title_event from memory.engagement where visibility <> 'personal'`

const Named = { number: z.int().nullable(), title: Titled.shape.title, title_event: Titled.shape.title_event }

const Waiting = CurrentMemory.extend({ ...Named, kind: z.literal('held_memory'), since: z.string() })
export type Waiting = z.output<typeof Waiting>

interface Asked {
  readonly persona: string
  readonly before: Before | undefined
  readonly limit: number
}

/** Drafts that the reader has authority to settle: as operator, by the flag, or because they are personally theirs. Where nothing is
 *  written any more nothing waits. */
export function waitingFor(reader: Db, { persona, before, limit }: Asked): Promise<readonly Waiting[]> {
  return many(
    reader,
    Waiting,
    sql`with shared as (${sharedEngagements})
        select c.object, c.engagement, c.type, c.class, c.binding_kind, c.persona_kind, c.persona_id, c.version, c.lifetime, c.detail, c.payload, c.sealed,
               c.content_event, c.trust, c.author, c.sources, c.supersedes, c.about, c.valid_from, c.valid_to, c.added_at, c.committed_at, s.number, s.title,
               s.title_event, n.kind, n.since
          from memory.needs_you n
          join shared s on s.engagement = n.engagement and s.state in ('candidate', 'active')
          join memory.current_memory c on c.object = n.object and c.lifetime = 'Drafted'
          join memory.membership m on m.engagement = n.engagement and m.active
         where (m.commit_authority or m.designations ? 'operator' or (n.class = 'personal' and n.persona_id = ${persona}))
           ${older(sql`n.since`, sql`n.object`, before)}
         order by n.since desc, n.object desc
         limit ${limit}`,
  )
}

const Happened = z.object({
  object: idOf<'object'>(),
  engagement: idOf<'engagement'>(),
  ...Named,
  kind: ActivityKind,
  at: z.string(),
  actor: Actor,
})
export type Happened = z.output<typeof Happened>

/** What happened lately, newest first. */
export function happenedSince(reader: Db, since: string, { before, limit }: Omit<Asked, 'persona'>): Promise<readonly Happened[]> {
  return many(
    reader,
    Happened,
    sql`with shared as (${sharedEngagements})
        select a.object, a.engagement, s.number, s.title, s.title_event, a.kind, a.at, a.actor
          from memory.activity a
          join shared s on s.engagement = a.engagement
         where a.at >= ${since}
           ${older(sql`a.at`, sql`a.object`, before)}
         order by a.at desc, a.object desc
         limit ${limit}`,
  )
}

function older(at: Sql, id: Sql, before: Before | undefined): Sql {
  return before === undefined ? sql`` : sql`and (${at}, ${id}) < (${before.at}::timestamptz, ${before.id}::uuid)`
}
