// Can identity still be heard? It says so every ten seconds through the same outbox, bus and consumer as everything else it tells, so
// whatever stops on the way is noticed here. The time is the database's: instances share what they heard.
import { type Database, type Db, exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'

const SILENT_AFTER_S = 60
const ASKED_EVERY_MS = 1000

const Heard = z.object({ silent: z.boolean() })

export interface Feed {
  /** True where nothing was heard for a minute, or ever. */
  isSilent(): Promise<boolean>
}

export function feedOf(db: Database): Feed {
  let asked: { readonly at: number; readonly silent: Promise<boolean> } | undefined
  return {
    isSilent() {
      if (asked !== undefined && performance.now() - asked.at < ASKED_EVERY_MS) return asked.silent
      const silent = silence(db)
      asked = { at: performance.now(), silent }
      silent.catch(() => {
        asked = undefined
      })
      return silent
    },
  }
}

async function silence(db: Db): Promise<boolean> {
  const row = await maybe(db, Heard, sql`select heard_at < now() - make_interval(secs => ${SILENT_AFTER_S}) as silent from memory.membership_feed`)
  return row?.silent ?? true
}

/** Something was heard just now. */
export async function heardFeed(tx: Db): Promise<void> {
  await exec(
    tx,
    sql`insert into memory.membership_feed as f (heard_at) values (now())
        on conflict (only_row) do update set heard_at = excluded.heard_at where f.heard_at < excluded.heard_at`,
  )
}
