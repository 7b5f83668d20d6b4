// An Idempotency-Key around a write that is no transaction of the database, such as an append to the event store: the key is reserved first, the
// write goes by an id made of the reservation, and the reply is kept after it. A crash in between leaves a reservation that the same request
// completes: its command has the same id, so it changes nothing that was done. While somebody is at work the reservation is leased; a lease that
// runs out under slow work costs nothing, for the same reason. Its rows are those of `once.ts`, with `leased_until`.
import { type Caller, derivedId, type Json, Refusal, timeOf } from '@loomworks/kernel'
import { type Db, exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { IN_FLIGHT_RETRY_S, KEPT_MS, type KeyedCall, type KeyRow, REPLAYED, rowOf, sweepOld } from './once.ts'
import { Answered, type OnceAround } from './operation.ts'
import { shared } from './shared-refusals.ts'

const LEASE_MS = 10_000

export const everyTimeAround =
  (caller: Caller): OnceAround =>
  (_db, { write }) =>
    write(caller)

export function onceAroundFor(call: KeyedCall, caller: Caller): OnceAround {
  return async (db, { write, keep, again }) => {
    const row = rowOf(call)
    const place = await reserved(db, row, call.clock.now())
    if ('status' in place) {
      const headers = { ...place.reply.headers, [REPLAYED]: 'true' }
      return new Answered(place.status, await again(place.reply.body), { headers })
    }
    const answer = await write({ ...caller, commandId: derivedId(row.digest, place.since) }).catch(async (error: unknown) => {
      // Where even this fails the lease runs out by itself.
      await letGo(db, row, place, error).catch(() => undefined)
      throw error
    })
    await kept(db, row, { status: answer.status, reply: { body: keep(answer.body), headers: answer.headers } })
    await sweepOld(db, row, call.clock.now())
    return answer
  }
}

interface Reservation {
  /** When the key was first taken: with the key it names the command. */
  readonly since: string
  readonly leasedUntil: string
  readonly isNew: boolean
}

const Reply = z.object({ body: z.json(), headers: z.record(z.string(), z.string()) })
const Kept = z.object({ status: z.int(), reply: Reply })
const Standing = z.object({ fingerprint: z.string(), status: z.int().nullable(), reply: Reply.nullable() })

/** Takes the key: a new one, one whose day is over, or what a crash has left of the same request. Else gives the reply that was kept. */
async function reserved(db: Db, row: KeyRow, nowMs: number): Promise<Reservation | z.output<typeof Kept>> {
  const { table, digest, fingerprint } = row
  const [now, leasedUntil, over] = [timeOf(nowMs), timeOf(nowMs + LEASE_MS), timeOf(nowMs - KEPT_MS)]
  const taken = await maybe(
    db,
    z.object({ created_at: z.string() }),
    sql`insert into ${table} as k (key_digest, fingerprint, leased_until, created_at)
        values (${digest}, ${fingerprint}, ${leasedUntil}, ${now})
        on conflict (key_digest) do update
           set fingerprint = excluded.fingerprint, status = null, reply = null, leased_until = excluded.leased_until,
               created_at = case when k.created_at <= ${over} then excluded.created_at else k.created_at end
         where k.created_at <= ${over}
            or (k.status is null and k.fingerprint = excluded.fingerprint and (k.leased_until is null or k.leased_until <= ${now}))
        returning created_at`,
  )
  if (taken !== undefined) return { since: taken.created_at, leasedUntil, isNew: Date.parse(taken.created_at) === nowMs }
  const standing = await maybe(db, Standing, sql`select fingerprint, status, reply from ${table} where key_digest = ${digest}`)
  if (standing !== undefined && standing.fingerprint !== fingerprint) throw shared.idempotency_key_reused()
  if (standing?.status == null || standing.reply === null) throw shared.idempotency_in_flight(undefined, IN_FLIGHT_RETRY_S)
  return { status: standing.status, reply: standing.reply }
}

/** What was refused was not done: its key is free. What failed otherwise may have been done, and waits for the same request. */
async function letGo(db: Db, { table, digest }: KeyRow, { isNew, leasedUntil }: Reservation, error: unknown): Promise<void> {
  const isRefused = error instanceof Refusal && error.status < 500
  await exec(
    db,
    isRefused && isNew
      ? sql`delete from ${table} where key_digest = ${digest} and leased_until = ${leasedUntil}`
      : sql`update ${table} set leased_until = null where key_digest = ${digest} and leased_until = ${leasedUntil}`,
  )
}

interface Keeping {
  readonly status: number
  readonly reply: { readonly body: Json; readonly headers: Readonly<Record<string, string>> }
}

async function kept(db: Db, { table, digest }: KeyRow, { status, reply }: Keeping): Promise<void> {
  await exec(
    db,
    sql`update ${table}
           set status = ${status}, reply = ${JSON.stringify(reply)}, leased_until = null
         where key_digest = ${digest} and status is null`,
  )
}
