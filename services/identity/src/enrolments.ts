// Tokens with which a person makes their factors anew, handed out by an administrator. Only the hash of one is kept. Of all that show a
// token, and of those who call it off, the statement that ends the row lets exactly one through.
import { PersonState } from '@loomworks/contracts'
import { type Actor, type Id, idOf, newId, type PersonId, timeOf, tokenHash } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, exec, maybe, raw, sql } from '@loomworks/sql'
import { z } from 'zod'
import { enrolment as refuse } from './errors.ts'
import { NewPasskey } from './passkeys.ts'
import { newToken } from './tokens.ts'

const LIFE_MS = 3_600_000
/** Time in which the person can stop it. */
const WAIT_MS = 24 * 3_600_000
/** How long a token that is over can still be told from one that never was. */
const KEPT_MS = 30 * 86_400_000

export type EnrolmentId = Id<'enrolment'>

const Prepared = NewPasskey.extend({ name: z.string() })

export const Enrolment = z.object({
  id: idOf<'enrolment'>(),
  person_id: idOf<'person'>(),
  usable_from: z.string(),
  expires_at: z.string(),
  credential: Prepared.nullable(),
  totp_sealed: z.instanceof(Buffer).nullable(),
  recovery_digests: z.array(z.string()).nullable(),
  key_id: z.string().nullable(),
  set_id: idOf<'credential'>().nullable(),
})
export type Enrolment = z.output<typeof Enrolment>
export const ENROLMENT_COLUMNS = raw('id, person_id, usable_from, expires_at, credential, totp_sealed, recovery_digests, key_id, set_id')

export interface Issuing {
  readonly personId: PersonId
  readonly by: Actor
  /** It goes to the person's address, and waits. */
  readonly mailed: boolean
  readonly nowMs: number
}

export interface Issued {
  readonly id: EnrolmentId
  readonly token: string
  readonly usableFrom: string
  readonly expiresAt: string
}

/** Makes a token: good at once for an hour, or, where it is mailed, for an hour after a day. */
export async function issueEnrolment(tx: Db, { personId, by, mailed, nowMs }: Issuing): Promise<Issued> {
  const usableMs = nowMs + (mailed ? WAIT_MS : 0)
  const issued = {
    id: newId<'enrolment'>(nowMs),
    token: newToken('lwe'),
    usableFrom: timeOf(usableMs),
    expiresAt: timeOf(usableMs + LIFE_MS),
  }
  await exec(
    tx,
    sql`insert into identity.enrolment_tokens (id, person_id, token_hash, issued_by, mailed, state, created_at, usable_from, expires_at)
        values (${issued.id}, ${personId}, ${tokenHash(issued.token)}, ${JSON.stringify(by)}, ${mailed}, 'open', ${timeOf(nowMs)}, ${issued.usableFrom},
                ${issued.expiresAt})`,
  )
  return issued
}

/** The enrolment that whoever shows this token may go on with. Refuses what is unknown or over, what waits, and what is too old; all of it
 *  while the person may not enter. */
export async function enrolmentFor(db: Db, token: string, nowMs: number): Promise<Enrolment> {
  const found = await maybe(
    db,
    Enrolment.extend({ person_state: PersonState }),
    sql`select ${ENROLMENT_COLUMNS}, (select p.state from identity.persons p where p.id = person_id) as person_state
          from identity.enrolment_tokens
         where token_hash = ${tokenHash(token)} and state = 'open'`,
  )
  if (found === undefined) throw refuse.unknown()
  if (found.person_state !== 'active') throw shared.account_locked()
  if (Date.parse(found.expires_at) <= nowMs) throw refuse.expired()
  if (Date.parse(found.usable_from) > nowMs) throw refuse.waiting({ usableFrom: found.usable_from })
  return found
}

/** Ends what is open for a person; gives how many there were. What was prepared is forgotten with it. */
export function cancelEnrolments(tx: Db, personId: PersonId, nowMs: number, which = sql`true`): Promise<number> {
  return exec(
    tx,
    sql`update identity.enrolment_tokens
           set state = 'cancelled', ended_at = ${timeOf(nowMs)}, credential = null, totp_sealed = null, recovery_digests = null
         where person_id = ${personId} and state = 'open' and ${which}`,
  )
}

/** Forgets what was prepared under a token that is too old, and after a month the token. */
export async function sweepEnrolments(db: Db, nowMs: number): Promise<void> {
  await exec(
    db,
    sql`update identity.enrolment_tokens
           set credential = null, totp_sealed = null, recovery_digests = null
         where expires_at <= ${timeOf(nowMs)} and totp_sealed is not null`,
  )
  await exec(db, sql`delete from identity.enrolment_tokens where expires_at < ${timeOf(nowMs - KEPT_MS)}`)
}
