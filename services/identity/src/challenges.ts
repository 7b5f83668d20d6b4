// Challenges of passkey ceremonies: 32 random bytes, 5 minutes, one use. A challenge is consumed by being deleted, whether what it
// was sent for holds or not, so that a failed answer cannot be tried again; of answers that hold, the one that deletes it wins.
import { randomBytes } from 'node:crypto'
import { type Id, idOf, newId, type PersonId, timeOf } from '@loomworks/kernel'
import { type Db, exec, maybe, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import { CHALLENGE_LIFE_MS } from './passkeys.ts'
import type { SessionId } from './sessions.ts'
import { type Signed, sealOperation } from './signed-operations.ts'

const CHALLENGE_BYTES = 32
/** An expired challenge stays a little, so that its owner is told that it expired. */
const SWEPT_AFTER_MS = 600_000

const ChallengeRow = z.object({ challenge: z.string(), expires_at: z.string() })
export const ChallengeId = idOf<'challenge'>()

export interface Asked {
  readonly id: Id<'challenge'>
  readonly challenge: Buffer
}

/** A challenge for a login of whoever answers. Nobody waits for the disk: one that is lost with the server is asked for again. */
export async function askForLogin(db: Db, nowMs: number): Promise<Asked> {
  const asked = fresh()
  await exec(
    db,
    prepared(
      'ask_for_login',
      sql`insert into identity.challenges (id, purpose, challenge, expires_at)
          select ${asked.id}::uuid, 'login', ${asked.challenge.toString('base64url')}, ${timeOf(nowMs + CHALLENGE_LIFE_MS)}::timestamptz
            from set_config('synchronous_commit', 'off', true)`,
    ),
  )
  return asked
}

/** A challenge for a registration; the one before it is void. */
export async function askForRegistration(db: Db, registrationId: string, nowMs: number): Promise<Asked> {
  const asked = fresh()
  await exec(
    db,
    sql`insert into identity.challenges (id, purpose, challenge, registration_id, expires_at)
        values (${asked.id}, 'signup', ${asked.challenge.toString('base64url')}, ${registrationId}, ${timeOf(nowMs + CHALLENGE_LIFE_MS)})
        on conflict (registration_id) where registration_id is not null
        do update set id = excluded.id, challenge = excluded.challenge, expires_at = excluded.expires_at`,
  )
  return asked
}

export interface PersonChallenge {
  readonly purpose: 'step_up' | 'add_credential' | 'operation'
  readonly personId: PersonId
  /** Only this session may answer; any of the person's where none is named. */
  readonly sessionId?: SessionId | undefined
}

/** A challenge for a session of a person. */
export async function askForPerson(db: Db, { purpose, personId, sessionId }: PersonChallenge, nowMs: number): Promise<Asked> {
  const asked = fresh()
  await exec(
    db,
    sql`insert into identity.challenges (id, purpose, challenge, person_id, session_id, expires_at)
        values (${asked.id}, ${purpose}, ${asked.challenge.toString('base64url')}, ${personId}, ${sessionId ?? null}, ${timeOf(nowMs + CHALLENGE_LIFE_MS)})`,
  )
  return asked
}

interface Signature {
  readonly personId: PersonId
  /** SHA-256 of what is to be signed. */
  readonly challenge: Buffer
  /** What it is, where its signature lets something be done, and the key it waits under. */
  readonly signing?: { readonly key: Buffer; readonly signed: Signed } | undefined
}

/** A challenge for the signature of a person: not random but of what is signed. */
export async function askForSignature(db: Db, { personId, challenge, signing }: Signature, nowMs: number): Promise<Asked> {
  const id = newId<'challenge'>(nowMs)
  const { kind = null, operation = null } = signing === undefined ? {} : sealOperation(signing.key, id, signing.signed)
  await exec(
    db,
    sql`insert into identity.challenges (id, purpose, challenge, person_id, expires_at, kind, operation)
        values (${id}, 'operation', ${challenge.toString('base64url')}, ${personId}, ${timeOf(nowMs + CHALLENGE_LIFE_MS)}, ${kind}, ${operation})`,
  )
  return { id, challenge }
}

/** Takes a session's challenge out of the world; `unknown` when it has none of this id, `expired` when it is too old. */
export async function consumeForPerson(db: Db, id: string, { purpose, personId, sessionId }: PersonChallenge, nowMs: number): Promise<Consumed> {
  const row = await maybe(
    db,
    ChallengeRow,
    sql`delete from identity.challenges
         where id = ${id} and purpose = ${purpose} and person_id = ${personId} and session_id is not distinct from ${sessionId ?? null}
        returning challenge, expires_at`,
  )
  if (row === undefined) return { taken: 'unknown' }
  return Date.parse(row.expires_at) > nowMs ? { taken: 'whole', challenge: row.challenge } : { taken: 'expired' }
}

export type Consumed = { readonly taken: 'whole'; readonly challenge: string } | { readonly taken: 'unknown' | 'expired' }

/** A challenge for who holds an enrolment token of the person. */
export async function askForEnrolment(db: Db, personId: PersonId, nowMs: number): Promise<Asked> {
  const asked = fresh()
  await exec(
    db,
    sql`insert into identity.challenges (id, purpose, challenge, person_id, expires_at)
        values (${asked.id}, 'enrol', ${asked.challenge.toString('base64url')}, ${personId}, ${timeOf(nowMs + CHALLENGE_LIFE_MS)})`,
  )
  return asked
}

/** Takes a challenge of an enrolment out of the world; undefined when there is none, or it is too old. */
export async function consumeForEnrolment(db: Db, id: string, personId: PersonId, nowMs: number): Promise<string | undefined> {
  const row = await maybe(
    db,
    ChallengeRow,
    sql`delete from identity.challenges
         where id = ${id} and purpose = 'enrol' and person_id = ${personId}
        returning challenge, expires_at`,
  )
  return row !== undefined && Date.parse(row.expires_at) > nowMs ? row.challenge : undefined
}

/** Takes a login's challenge out of the world; whose answer was good has done so in the statement that opened the session. */
export async function discardLogin(db: Db, id: string): Promise<void> {
  await exec(db, sql`delete from identity.challenges where id = ${id} and purpose = 'login'`)
}

/** Takes a registration's open challenge out of the world; undefined when there is none, or it is too old. */
export async function consumeRegistration(db: Db, registrationId: string, nowMs: number): Promise<string | undefined> {
  const row = await maybe(
    db,
    ChallengeRow,
    sql`delete from identity.challenges
         where registration_id = ${registrationId}
        returning challenge, expires_at`,
  )
  return row !== undefined && Date.parse(row.expires_at) > nowMs ? row.challenge : undefined
}

/** Forgets challenges that expired 10 minutes ago. */
export function sweepChallenges(db: Db, nowMs: number): Promise<number> {
  return exec(db, sql`delete from identity.challenges where expires_at < ${timeOf(nowMs - SWEPT_AFTER_MS)}`)
}

function fresh(): Asked {
  return { id: newId(), challenge: randomBytes(CHALLENGE_BYTES) }
}
