// A person has a hundred candidates at most. What they opened is in the view a moment later; until then a row stands for it.
import { type Database, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { refuse } from '../../errors.ts'

export const CANDIDATES_MAX = 100

const Count = z.object({ taken: z.int() })

/** Throws 409 `engagement_limit`. Of openings at once each counts the ones before it; one that came to nothing is forgotten after an hour. */
export async function takePlace(db: Database, engagement: string, person: string): Promise<void> {
  await db.transaction(async (tx) => {
    await exec(tx, sql`select pg_advisory_xact_lock(hashtextextended(${person}, 0))`)
    await exec(
      tx,
      sql`delete from memory.opening o
           where o.person = ${person}
             and (o.taken_at < now() - interval '1 hour' or exists (select from memory.engagement_v1 e where e.engagement = o.engagement))`,
    )
    const { taken } = await one(
      tx,
      Count,
      sql`select ((select count(*) from memory.engagement_v1 e where e.state = 'candidate' and e.opened_by ->> 'id' = ${person})
                + (select count(*) from memory.opening o where o.person = ${person} and o.engagement <> ${engagement}))::integer as taken`,
    )
    if (taken >= CANDIDATES_MAX) throw refuse.engagement_limit()
    await exec(tx, sql`insert into memory.opening (engagement, person) values (${engagement}, ${person}) on conflict do nothing`)
  })
}
