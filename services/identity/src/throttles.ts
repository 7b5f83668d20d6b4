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

const CLAIM_WINDOW_MS = 900_000
const CLAIM_TRIES = 10

/** Unknown claim tokens are counted per network: ten in 15 minutes. */
export function claimThrottle(networkHash: string): Throttle {
  return { kind: 'claim', keyHash: networkHash, most: CLAIM_TRIES, windowMs: CLAIM_WINDOW_MS }
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

/** A counter that makes who goes on guessing wait: some tries are free, then each one more makes the wait twice as long. */
export interface Slowing {
  readonly kind: ThrottleKind
  readonly keyHash: string
}

const FREE_TRIES = 5
const FREE_WINDOW_MS = 900_000
const FIRST_WAIT_MS = 30_000
const LONGEST_WAIT_MS = 900_000

export type Try =
  | { readonly admitted: true; readonly left: number; readonly waits: boolean }
  /** Seconds until the next try is looked at. */
  | { readonly admitted: false; readonly waitS: number }

const Taken = z.object({ tries: z.int(), blocked_until: z.string().nullable() })

/** Takes one try before it is known whether it is right, so that no number of parallel ones passes the limit; `forgetTries` gives them
 *  back after a right one. Five in a quarter of an hour are free, then waits of 30 s, 60 s … 15 min; a quarter of an hour after the last
 *  wait all is forgotten. A try within a wait counts nothing. */
export async function takeTry(db: Db, { kind, keyHash }: Slowing, nowMs: number): Promise<Try> {
  const now = timeOf(nowMs)
  const forgotten = sql`(t.window_start <= ${timeOf(nowMs - FREE_WINDOW_MS)} and coalesce(t.blocked_until, t.window_start) <= ${timeOf(nowMs - FREE_WINDOW_MS)})`
  const taken = await maybe(
    db,
    Taken,
    sql`insert into identity.throttles as t (kind, key_hash, tries, window_start)
        values (${kind}, ${keyHash}, 1, ${now})
        on conflict (kind, key_hash) do update
          set tries = case when ${forgotten} then 1 else t.tries + 1 end,
              window_start = case when ${forgotten} or t.tries + 1 >= ${FREE_TRIES} then excluded.window_start else t.window_start end,
              blocked_until = case when ${forgotten} or t.tries + 1 < ${FREE_TRIES} then null
                                   else ${now}::timestamptz + interval '1 millisecond'
                                        * least(${LONGEST_WAIT_MS}::float8, ${FIRST_WAIT_MS}::float8 * 2 ^ least(t.tries + 1 - ${FREE_TRIES}, 20)) end
          where t.blocked_until is null or t.blocked_until <= ${now}
        returning tries, blocked_until`,
  )
  if (taken === undefined) return { admitted: false, waitS: await blockedS(db, { kind, keyHash }, nowMs) }
  return { admitted: true, left: Math.max(0, FREE_TRIES - taken.tries), waits: taken.blocked_until !== null }
}

const Blocked = z.object({ blocked_until: z.string().nullable() })

async function blockedS(db: Db, { kind, keyHash }: Slowing, nowMs: number): Promise<number> {
  const row = await maybe(db, Blocked, sql`select blocked_until from identity.throttles where kind = ${kind} and key_hash = ${keyHash}`)
  return Math.max(1, Math.ceil((Date.parse(row?.blocked_until ?? timeOf(nowMs)) - nowMs) / 1000))
}

/** A right try: those before it count no more. */
export async function forgetTries(db: Db, { kind, keyHash }: Slowing): Promise<void> {
  await exec(db, sql`delete from identity.throttles where kind = ${kind} and key_hash = ${keyHash}`)
}

const FORGOTTEN_AFTER_MS = 86_400_000

/** Forgets counters whose window began a day ago: no window is that long. */
export function sweepThrottles(db: Db, nowMs: number): Promise<number> {
  return exec(db, sql`delete from identity.throttles where window_start < ${timeOf(nowMs - FORGOTTEN_AFTER_MS)}`)
}
