// Sessions that are long over: with their device and network they are kept for a month beyond the end that no use moves, then forgotten.
import { timeOf } from '@loomworks/kernel'
import { type Db, exec, sql } from '@loomworks/sql'

const KEPT_MS = 30 * 86_400_000
const AT_ONCE = 1000

/** Forgets them, the earliest first, some at a time. */
export function sweepSessions(db: Db, nowMs: number): Promise<number> {
  return exec(
    db,
    sql`delete from identity.sessions
         where id in (select id
                        from identity.sessions
                       where absolute_expires_at < ${timeOf(nowMs - KEPT_MS)}
                       order by absolute_expires_at
                       limit ${AT_ONCE}
                         for update skip locked)`,
  )
}
