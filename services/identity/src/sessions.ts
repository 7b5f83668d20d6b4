// Sessions: 256 random bits that only the client knows, idle 12 hours, 14 days at most. What is stored opens nothing: SHA-256 of
// the token. A session that ends tells the bus, so that caches elsewhere forget it.
import type { Stating } from '@loomworks/bus'
import { type AuthMethod, Restriction, type SessionEnd, SessionOpened, SessionRevoked } from '@loomworks/contracts'
import { type Caller, derivedId, type Id, idOf, newId, type PersonId, timeOf, tokenHash } from '@loomworks/kernel'
import { type Db, exec, many, maybe, one, prepared, raw, type Sql, sql } from '@loomworks/sql'
import { z } from 'zod'
import { fact, type PersonFact, stateFacts } from './facts.ts'
import { networkOf } from './networks.ts'
import { newToken } from './tokens.ts'
import { type SessionDelivery, type StepUpLevel, StoredRestriction } from './vocabulary.ts'

const PersonIdRow = z.object({ person_id: idOf<'person'>() })
const IdRow = z.object({ id: idOf<'session'>() })

export type SessionId = Id<'session'>

const IDLE_MS = 12 * 3_600_000
const ABSOLUTE_MS = 14 * 86_400_000
/** Live sessions of one person. */
export const LIVE_PER_PERSON = 50
const SEEN_EVERY_MS = 60_000
const DEVICE_MAX = 200

/** The session in an answer. The token is in the body only where no cookie carries it. */
export const SessionShown = z.object({
  id: idOf<'session'>(),
  expires_at: z.string(),
  idle_expires_at: z.string(),
  /** What it is kept to; absent where it is whole. */
  restricted: Restriction.optional(),
  token: z.string().optional(),
})

export interface OpenedSession {
  readonly id: SessionId
  readonly token: string
  readonly idleExpiresAt: string
  readonly absoluteExpiresAt: string
  readonly restricted?: Restriction | undefined
}

/** Who asks for a session, from where, and how it is handed over. */
export interface Entering {
  readonly delivery: SessionDelivery
  readonly caller: Caller
  readonly clientIp: string
  readonly device: string
}

export interface SessionStart {
  readonly personId: PersonId
  /** The passkey that opened it; null where none did. */
  readonly credentialId: string | null
  readonly delivery: SessionDelivery
  readonly amr: readonly z.output<typeof AuthMethod>[]
  /** What the proof that opened it counts for; a passkey's where it is not said. */
  readonly stepUp?: z.output<typeof StepUpLevel>
  readonly restricted?: Restriction
  readonly device: string
  readonly clientIp: string
  readonly nowMs: number
}

export function newSessionToken(): string {
  return newToken('lws')
}

const Standing = z.object({ known: z.boolean(), surplus: z.array(idOf<'session'>()) })

/** A session as it will be, before it is stored. */
export function freshSession({ nowMs, restricted }: Pick<SessionStart, 'nowMs' | 'restricted'>): OpenedSession {
  return { id: newId(nowMs), token: newSessionToken(), idleExpiresAt: timeOf(nowMs + IDLE_MS), absoluteExpiresAt: timeOf(nowMs + ABSOLUTE_MS), restricted }
}

/** The fact that a session was opened, which is told under the session's own id. */
export function openedFact({ id }: OpenedSession, { personId, amr }: SessionStart, newDevice: boolean): PersonFact {
  return fact(SessionOpened, { personId, sessionId: id, amr: [...amr], newDevice })
}

/** Opens a session after a proof, which is a fresh step-up; the oldest beyond fifty give way. */
export async function openSession(tx: Db, start: SessionStart, stating: Stating): Promise<OpenedSession> {
  const { personId, nowMs } = start
  const opened = freshSession(start)
  const { known, surplus } = await standingOf(tx, personId, deviceOf(start), nowMs)
  await exec(tx, prepared('session_insert', sql`insert into identity.sessions (${SESSION_COLUMNS}) values (${sessionValues(opened, start)})`))
  await stateFacts(tx, opened.id, [openedFact(opened, start, !known)], stating)
  for (const each of surplus) await endSession(tx, each, 'revoked', { nowMs, stating })
  return opened
}

export function deviceOf({ device }: Pick<SessionStart, 'device'>): string {
  return device.slice(0, DEVICE_MAX)
}

/** Is the device known, and which sessions give way to one more? Under the person's lock, so that parallel logins count right. */
function standingOf(tx: Db, personId: PersonId, device: string, nowMs: number): Promise<z.output<typeof Standing>> {
  const now = timeOf(nowMs)
  return one(
    tx,
    Standing,
    prepared(
      'session_standing',
      sql`with person as (select id from identity.persons where id = ${personId} for no key update)
          select exists (select from identity.sessions s where s.person_id = person.id and s.device = ${device}) as known,
                 array(select s.id
                         from identity.sessions s
                        where s.person_id = person.id and s.revoked_at is null and s.idle_expires_at > ${now} and s.absolute_expires_at > ${now}
                        order by s.created_at desc, s.id desc
                       offset ${LIVE_PER_PERSON - 1})::text[] as surplus
            from person`,
    ),
  )
}

export const SESSION_COLUMNS = raw(
  'id, person_id, token_hash, credential_id, amr, auth_time, step_up_at, step_up_level, delivery, device, ip_prefix, created_at, last_seen_at, idle_expires_at, absolute_expires_at, restricted',
)

/** The values of a new row, in the order of SESSION_COLUMNS. */
export function sessionValues(opened: OpenedSession, start: SessionStart): Sql {
  const now = timeOf(start.nowMs)
  return sql`${opened.id}::uuid, ${start.personId}::uuid, ${tokenHash(opened.token)}, ${start.credentialId}::uuid, ${[...start.amr]}::text[],
             ${now}::timestamptz, ${now}::timestamptz, ${start.stepUp ?? 'passkey'}, ${start.delivery}, ${deviceOf(start)}, ${networkOf(start.clientIp)},
             ${now}::timestamptz, ${now}::timestamptz, ${opened.idleExpiresAt}::timestamptz, ${opened.absoluteExpiresAt}::timestamptz,
             ${start.restricted ?? 'none'}`
}

/** Ends a session; nothing happens where it has ended already. */
export async function endSession(
  tx: Db,
  id: SessionId,
  reason: z.output<typeof SessionEnd>,
  { nowMs, stating }: { readonly nowMs: number; readonly stating: Stating },
): Promise<void> {
  const ended = await maybe(
    tx,
    PersonIdRow,
    sql`update identity.sessions
           set revoked_at = ${timeOf(nowMs)}, revoked_reason = ${reason}
         where id = ${id} and revoked_at is null
        returning person_id`,
  )
  if (ended === undefined) return
  await stateFacts(tx, derivedId(id, 'end'), [fact(SessionRevoked, { personId: ended.person_id, sessionId: id, reason })], stating)
}

export interface Ending {
  readonly reason: z.output<typeof SessionEnd>
  /** This one stays. */
  readonly except?: SessionId | undefined
  /** Only those that this passkey opened. */
  readonly credentialId?: string
  readonly nowMs: number
  readonly stating: Stating
}

/** Ends the live sessions of a person, or some of them; gives how many. */
export async function endSessionsOf(tx: Db, personId: PersonId, { reason, except, credentialId, nowMs, stating }: Ending): Promise<number> {
  const now = timeOf(nowMs)
  const ended = await many(
    tx,
    IdRow,
    sql`update identity.sessions
           set revoked_at = ${now}, revoked_reason = ${reason}
         where person_id = ${personId} and revoked_at is null and idle_expires_at > ${now} and absolute_expires_at > ${now}
           and id is distinct from ${except ?? null}::uuid
           and (${credentialId ?? null}::uuid is null or credential_id = ${credentialId ?? null}::uuid)
        returning id`,
  )
  for (const { id } of ended) await stateFacts(tx, derivedId(id, 'end'), [fact(SessionRevoked, { personId, sessionId: id, reason })], stating)
  return ended.length
}

const LiveSession = z.object({
  id: idOf<'session'>(),
  person_id: idOf<'person'>(),
  amr: z.array(z.string()),
  auth_time: z.string(),
  step_up_at: z.string().nullable(),
  step_up_level: z.enum(['passkey', 'any']).nullable(),
  last_seen_at: z.string(),
  idle_expires_at: z.string(),
  absolute_expires_at: z.string(),
  revoked_at: z.string().nullable(),
  restricted: StoredRestriction,
})
export type LiveSession = z.output<typeof LiveSession>
const LIVE_COLUMNS = raw('id, person_id, amr, auth_time, step_up_at, step_up_level, last_seen_at, idle_expires_at, absolute_expires_at, revoked_at, restricted')

/** The session a token's hash belongs to: `unknown` also when it was revoked, `over` when its time is past. Being seen moves the
 *  idle end, written at most once a minute. */
export async function sessionOf(db: Db, hash: string, nowMs: number): Promise<LiveSession | 'unknown' | 'over'> {
  const session = await maybe(
    db,
    LiveSession,
    prepared(
      'session_of_token',
      sql`select ${LIVE_COLUMNS}
            from identity.sessions
           where token_hash = ${hash}`,
    ),
  )
  return session === undefined ? 'unknown' : standing(db, session, nowMs)
}

const ReplacedSession = LiveSession.extend({ replaced_at: z.string() })
export type ReplacedSession = z.output<typeof ReplacedSession>

/** The session whose token this was before the last rotation, as `sessionOf` gives it, with the rights it had then. */
export async function sessionOfReplaced(db: Db, hash: string, nowMs: number): Promise<ReplacedSession | 'unknown' | 'over'> {
  const session = await maybe(
    db,
    ReplacedSession,
    sql`select id, person_id, amr, auth_time, replaced_step_up_at as step_up_at, replaced_step_up_level as step_up_level, last_seen_at, idle_expires_at,
               absolute_expires_at, revoked_at, replaced_restricted as restricted, replaced_at
          from identity.sessions
         where replaced_hash = ${hash}`,
  )
  return session === undefined ? 'unknown' : standing(db, session, nowMs)
}

async function standing<S extends LiveSession>(db: Db, session: S, nowMs: number): Promise<S | 'unknown' | 'over'> {
  if (session.revoked_at !== null) return 'unknown'
  if (Date.parse(session.idle_expires_at) <= nowMs || Date.parse(session.absolute_expires_at) <= nowMs) return 'over'
  if (nowMs - Date.parse(session.last_seen_at) >= SEEN_EVERY_MS) await seen(db, session.id, nowMs)
  return session
}

function seen(db: Db, id: SessionId, nowMs: number): Promise<number> {
  return exec(
    db,
    sql`update identity.sessions
           set last_seen_at = ${timeOf(nowMs)}, idle_expires_at = ${timeOf(nowMs + IDLE_MS)}
         where id = ${id} and revoked_at is null`,
  )
}
