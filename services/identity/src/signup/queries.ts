import { equalSecrets, tokenHash } from '@loomworks/kernel'
import { type Db, maybe, type Sql, sql } from '@loomworks/sql'
import { signup } from '../errors.ts'
import { Registration, SHOWN_AFTER_MS } from './state.ts'

const COLUMNS = sql`id, secret_hash, state, email, display_name, companion_name, user_handle, credential, totp_sealed, totp_key_id, totp_step,
                    recovery_digests, recovery_key_id, set_id, attempt, saga_id, saga_input, network_hash, email_proof, email_proven_at, options_used, renewals, wrong_codes, completed_at,
                    session_id, created_at, updated_at, expires_at`

/** What a client shows of its registration's secret. */
export interface Shown {
  readonly cookies: Readonly<Record<string, string | undefined>>
  readonly header: (name: string) => string | undefined
}

/** The registration of who holds its secret. Refuses `signup.not_found`, the same for an unknown id and a wrong secret. */
export async function registrationFor(db: Db, id: string, secret: string, nowMs: number): Promise<Registration> {
  return proven(await registrationById(db, id), secret, nowMs)
}

/** The same, and nobody else changes it until the transaction ends. */
export async function lockedRegistrationFor(tx: Db, id: string, secret: string, nowMs: number): Promise<Registration> {
  return proven(await load(tx, sql`id = ${id} for update`), secret, nowMs)
}

export function registrationById(db: Db, id: string): Promise<Registration | undefined> {
  return load(db, sql`id = ${id}`)
}

function load(db: Db, where: Sql): Promise<Registration | undefined> {
  return maybe(db, Registration, sql`select ${COLUMNS} from identity.pending_registrations where ${where}`)
}

function proven(registration: Registration | undefined, secret: string, nowMs: number): Registration {
  const shown = equalSecrets(registration?.secret_hash ?? tokenHash(''), tokenHash(secret))
  if (registration === undefined || !shown || isGone(registration, nowMs)) throw signup.not_found()
  return registration
}

/** A completed registration is shown for a day. */
export function isGone({ completed_at }: Pick<Registration, 'completed_at'>, nowMs: number): boolean {
  return completed_at !== null && Date.parse(completed_at) + SHOWN_AFTER_MS <= nowMs
}

/** The secret a client sent. The gateway puts its own token into `authorization` and passes the client's under an outer name;
 *  `Signup <secret>` there wins over the cookie. */
export function shownSecret({ cookies, header }: Shown, cookieName: string): string {
  const outer = /^signup +(.*)$/i.exec(header('x-client-authorization') ?? '')
  return outer === null ? (cookies[cookieName] ?? '') : (outer[1] ?? '')
}
