import { Designation, type EngagementState } from '@loomworks/contracts'
import { type EngagementId, idOf } from '@loomworks/kernel'
import type { Before } from '@loomworks/service-kit'
import { type Db, many, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { EngagementCard } from './projection.ts'

/** A card and what its reader is there. */
export const MyCard = EngagementCard.extend({ designations: z.array(Designation), commit_authority: z.boolean() })
export type MyCard = z.output<typeof MyCard>

const Found = z.object({ engagement: idOf<'engagement'>() })

const card = sql`select e.engagement, e.state, e.visibility, e.number, e.owner, e.opened_by, e.opened_at, e.activated_at, e.seed, e.seeds, e.engagement_version,
               e.title, e.title_event,
               m.designations, m.commit_authority
          from memory.engagement e
          join memory.membership m on m.engagement = e.engagement and m.active`

/** One engagement, for whom the reader's view shows it. */
export function cardOf(reader: Db, engagement: EngagementId): Promise<MyCard | undefined> {
  return maybe(reader, MyCard, sql`${card} where e.engagement = ${engagement}`)
}

export interface CardFilter {
  readonly state: EngagementState | undefined
  readonly before: Before | undefined
  readonly limit: number
}

/** Newest first, never a personal one. */
export function cards(reader: Db, { state, before, limit }: CardFilter): Promise<readonly MyCard[]> {
  return many(
    reader,
    MyCard,
    sql`${card}
         where e.visibility <> 'personal'
           and (${state ?? null}::text is null or e.state = ${state ?? null})
           and (${before?.at ?? null}::timestamptz is null or (e.opened_at, e.engagement) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid))
         order by e.opened_at desc, e.engagement desc
         limit ${limit}`,
  )
}

export async function engagementOwnedBy(db: Db, personId: string): Promise<EngagementId | undefined> {
  return (await maybe(db, Found, sql`select engagement from memory.engagement where owner = ${personId}`))?.engagement
}

export async function engagementNumbered(db: Db, number: number): Promise<EngagementId | undefined> {
  return (await maybe(db, Found, sql`select engagement from memory.engagement where number = ${number}`))?.engagement
}
