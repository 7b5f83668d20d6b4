// Counters that guard secrets. They are rows: the same for all instances, and still there after a restart. They slow down, they
// never lock out.
import type { ThrottleKind } from '@loomworks/contracts'
import { timeOf } from '@loomworks/kernel'
import { type Db, exec, maybe, one, sql } from '@loomworks/sql'
import { z } from 'zod'

export interface Throttle {
  readonly kind: ThrottleKind
  /** Hash of who or what is counted. */
  readonly keyHash: string
  readonly most: number
  readonly windowMs: number
}

const Tries = z.object({ tries: z.int() })

/** Counts one try; false when it is beyond what the window allows. */
export async function countTry(db: Db, { kind, keyHash, most, windowMs }: Throttle, nowMs: number): Promise<boolean> {
  const { tries } = await one(
    db,
    Tries,
    sql`insert into identity.throttles as t (kind, key_hash, tries, window_start)
        values (${kind}, ${keyHash}, 1, ${timeOf(nowMs)})
        on conflict (kind, key_hash) do update
          set tries = case when t.window_start > ${timeOf(nowMs - windowMs)} then t.tries + 1 else 1 end,
              window_start = case when t.window_start > ${timeOf(nowMs - windowMs)} then t.window_start else excluded.window_start end
        returning tries`,
  )
  return tries <= most
}

/** Seconds until the window ends where it is used up; undefined where another try is allowed. Counts nothing. */
export async function waitS(db: Db, { kind, keyHash, most, windowMs }: Throttle, nowMs: number): Promise<number | undefined> {
  const row = await maybe(
    db,
    Tries.extend({ window_start: z.string() }),
    sql`select tries, window_start
          from identity.throttles
         where kind = ${kind} and key_hash = ${keyHash} and window_start > ${timeOf(nowMs - windowMs)}`,
  )
  if (row === undefined || row.tries < most) return undefined
  return Math.max(1, Math.ceil((Date.parse(row.window_start) + windowMs - nowMs) / 1000))
}

const FORGOTTEN_AFTER_MS = 86_400_000

/** Forgets counters whose window began a day ago: no window is that long. */
export function sweepThrottles(db: Db, nowMs: number): Promise<number> {
  return exec(db, sql`delete from identity.throttles where window_start < ${timeOf(nowMs - FORGOTTEN_AFTER_MS)}`)
}
