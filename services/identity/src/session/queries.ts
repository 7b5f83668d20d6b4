import { AuthMethod } from '@loomworks/contracts'
import { idOf, type PersonId, timeOf } from '@loomworks/kernel'
import { type Db, many, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { SessionId } from '../sessions.ts'

/** A session as its person sees it. */
export const SessionListed = z.object({
  id: idOf<'session'>(),
  current: z.boolean(),
  device: z.string(),
  ip_prefix: z.string(),
  /** The proof that opened it. */
  method: AuthMethod,
  created_at: z.string(),
  last_seen_at: z.string(),
  expires_at: z.string(),
})

export interface SessionPage {
  readonly current: SessionId | undefined
  readonly after: SessionId | undefined
  readonly limit: number
  readonly nowMs: number
}

/** Live sessions of a person, the newest first: their ids begin with the time. */
export function liveSessions(db: Db, personId: PersonId, { current, after, limit, nowMs }: SessionPage): Promise<readonly z.output<typeof SessionListed>[]> {
  const now = timeOf(nowMs)
  return many(
    db,
    SessionListed,
    sql`select id, id = ${current ?? null}::uuid as current, device, ip_prefix,
               case when 'recovery_code' = any(amr) then 'recovery_code' else amr[1] end as method,
               created_at, last_seen_at, absolute_expires_at as expires_at
          from identity.sessions
         where person_id = ${personId} and revoked_at is null and idle_expires_at > ${now} and absolute_expires_at > ${now}
           and (${after ?? null}::uuid is null or id < ${after ?? null}::uuid)
         order by id desc
         limit ${limit}`,
  )
}

const IdRow = z.object({ id: idOf<'session'>() })

/** Was this ever a session of the person? */
export async function isSessionOf(db: Db, personId: PersonId, id: SessionId): Promise<boolean> {
  return (await maybe(db, IdRow, sql`select id from identity.sessions where id = ${id} and person_id = ${personId}`)) !== undefined
}
