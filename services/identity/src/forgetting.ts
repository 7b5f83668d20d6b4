// What ended long ago is forgotten, the earliest first and some at a time. A session's end is the one that it cannot outlive, which no use
// moves: being seen touches no index.
import { timeOf } from '@loomworks/kernel'
import { type Db, exec, ident, sql } from '@loomworks/sql'

const DAY_MS = 86_400_000
const AT_ONCE = 1000

const ENDED = {
  sessions: { at: sql`absolute_expires_at`, keptDays: 30 },
  invitations: { at: sql`settled_at`, keptDays: 90 },
  agent_tokens: { at: sql`least(revoked_at, expires_at)`, keptDays: 90 },
} as const

/** Forgets a thousand rows at most; gives how many. */
export function forget(db: Db, what: keyof typeof ENDED, nowMs: number): Promise<number> {
  const { at, keptDays } = ENDED[what]
  const table = ident(`identity.${what}`)
  return exec(
    db,
    sql`delete from ${table}
         where id in (select id from ${table} where ${at} < ${timeOf(nowMs - keptDays * DAY_MS)} order by ${at} limit ${AT_ONCE} for update skip locked)`,
  )
}
