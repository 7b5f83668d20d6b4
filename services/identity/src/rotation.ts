// A session keeps its id and gets another token at a step-up and at the end of a restriction. The token before it works 30 seconds more,
// for requests that are on their way, and opens what it opened before; who shows it later has stolen it or was stolen from, so the
// session ends.
import type { AuthMethod } from '@loomworks/contracts'
import { actorFromService, type Caller, idOf, timeOf, tokenHash } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { statingFor } from './facts.ts'
import type { IdentityParts } from './parts.ts'
import { endSession, newSessionToken, type OpenedSession, type ReplacedSession, type SessionId, sessionOfReplaced } from './sessions.ts'
import { SessionDelivery, type StepUpLevel, StoredRestriction } from './vocabulary.ts'

const OLD_TOKEN_MS = 30_000

interface Rotation {
  readonly nowMs: number
  /** A proof that was just given; without one the step-up stays as it is. */
  readonly proof?: { readonly level: z.output<typeof StepUpLevel>; readonly method: z.output<typeof AuthMethod> }
  /** Ends the restriction: from now on the session is one of this passkey. */
  readonly enrolled?: string
}

export interface Rotated {
  readonly session: OpenedSession
  readonly delivery: SessionDelivery
}

const RotatedRow = z.object({
  id: idOf<'session'>(),
  delivery: SessionDelivery,
  idle_expires_at: z.string(),
  absolute_expires_at: z.string(),
  restricted: StoredRestriction,
})

/** Gives the session a new token. Refuses `token_refused` where it has ended meanwhile. */
export async function rotateSession(tx: Db, id: SessionId, rotation: Omit<Rotation, 'enrolled'>): Promise<Rotated> {
  const rotated = await withNewToken(tx, id, rotation)
  if (rotated === undefined) throw shared.token_refused()
  return rotated
}

/** A session that was kept to a recovery becomes whole, under a new token, and is one of the passkey that was added. Undefined where it
 *  was whole already. */
export function endRestriction(tx: Db, id: SessionId, rotation: Required<Pick<Rotation, 'nowMs' | 'enrolled'>>): Promise<Rotated | undefined> {
  return withNewToken(tx, id, rotation)
}

async function withNewToken(tx: Db, id: SessionId, { nowMs, proof, enrolled }: Rotation): Promise<Rotated | undefined> {
  const now = timeOf(nowMs)
  const token = newSessionToken()
  const row = await maybe(
    tx,
    RotatedRow,
    sql`update identity.sessions
           set replaced_hash = token_hash, replaced_at = ${now}, replaced_step_up_at = step_up_at, replaced_step_up_level = step_up_level,
               replaced_restricted = restricted, token_hash = ${tokenHash(token)},
               step_up_at = case when ${proof !== undefined} then ${now}::timestamptz else step_up_at end,
               step_up_level = coalesce(${proof?.level ?? null}, step_up_level),
               amr = case when ${proof?.method ?? null}::text = any(amr) then amr else array_remove(amr || ${proof?.method ?? null}::text, null) end,
               restricted = case when ${enrolled !== undefined} then 'none' else restricted end,
               credential_id = coalesce(${enrolled ?? null}::uuid, credential_id)
         where id = ${id} and revoked_at is null
           and (${enrolled === undefined} or restricted = 'recovery')
        returning id, delivery, idle_expires_at, absolute_expires_at, restricted`,
  )
  if (row === undefined) return undefined
  const restricted = row.restricted === 'none' ? undefined : row.restricted
  const session = { id: row.id, token, idleExpiresAt: row.idle_expires_at, absoluteExpiresAt: row.absolute_expires_at, restricted }
  return { session, delivery: row.delivery }
}

export interface StillOpen {
  readonly session: ReplacedSession
  /** When the old token stops to work. */
  readonly endsAtMs: number
}

/** A credential that a request brings, or `again` what an open answer once came by. */
export interface Brought {
  readonly hash: string
  readonly again: boolean
  readonly caller: Caller
}

/** What the token before the last rotation still opens. Shown too late it ends the session; asked about again, nobody has shown it. */
export async function openedByReplaced(
  { db, clock, relay }: Pick<IdentityParts, 'db' | 'clock' | 'relay'>,
  { hash, again, caller }: Brought,
): Promise<StillOpen | 'unknown' | 'over'> {
  const nowMs = clock.now()
  const session = await sessionOfReplaced(db, hash, nowMs)
  if (typeof session === 'string') return session
  const endsAtMs = Date.parse(session.replaced_at) + OLD_TOKEN_MS
  if (nowMs < endsAtMs) return { session, endsAtMs }
  if (again) return 'unknown'
  const stating = statingFor({ ...caller, actor: actorFromService('identity') }, timeOf(nowMs))
  await db.transaction(async (tx) => {
    await endSession(tx, session.id, 'reuse', { nowMs, stating })
    relay.wakeAfter(tx)
  })
  return 'unknown'
}
