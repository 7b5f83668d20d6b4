import { idOf, type PersonId } from '@loomworks/kernel'
import { type Db, many, maybe, one, raw, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { NamedPasskey, PasskeyOwner } from '../passkeys.ts'
import type { SessionId } from '../sessions.ts'
import { CredentialState } from '../vocabulary.ts'

const NamedRow = z.object({ credential_id: z.instanceof(Buffer), transports: z.array(z.string()) })

/** A person's passkeys in these states, as options name them. */
export async function namedPasskeys(db: Db, personId: PersonId, states: readonly z.output<typeof CredentialState>[]): Promise<readonly NamedPasskey[]> {
  const rows = await many(
    db,
    NamedRow,
    sql`select credential_id, transports
          from identity.webauthn_credentials
         where person_id = ${personId} and state = any(${[...states]})
         order by created_at, id`,
  )
  return rows.map(({ credential_id, transports }) => ({ credentialId: credential_id.toString('base64url'), transports }))
}

/** A passkey as its owner sees it. */
export const PasskeyShown = z.object({
  id: idOf<'credential'>(),
  display_name: z.string(),
  state: CredentialState.exclude(['removed']),
  aaguid: z.guid(),
  backed_up: z.boolean(),
  transports: z.array(z.string()),
  created_at: z.string(),
  last_used_at: z.string().nullable(),
  clone_suspected_at: z.string().nullable(),
})
export type PasskeyShown = z.output<typeof PasskeyShown>

export const PASSKEY_COLUMNS = raw('id, display_name, state, aaguid, backup_state as backed_up, transports, created_at, last_used_at, clone_suspected_at')

export function livePasskeys(db: Db, personId: PersonId): Promise<readonly PasskeyShown[]> {
  return many(
    db,
    PasskeyShown,
    sql`select ${PASSKEY_COLUMNS}
          from identity.webauthn_credentials
         where person_id = ${personId} and state <> 'removed'
         order by created_at, id`,
  )
}

/** One of the person's passkeys, unless it was removed. */
export function livePasskey(db: Db, personId: PersonId, id: string): Promise<PasskeyShown | undefined> {
  return maybe(
    db,
    PasskeyShown,
    sql`select ${PASSKEY_COLUMNS} from identity.webauthn_credentials where id = ${id} and person_id = ${personId} and state <> 'removed'`,
  )
}

export const OtherFactors = z.object({ totp_confirmed_at: z.string().nullable(), codes_left: z.int() })

export function otherFactors(db: Db, personId: PersonId): Promise<z.output<typeof OtherFactors>> {
  return one(
    db,
    OtherFactors,
    sql`select (select confirmed_at from identity.totp_factors where person_id = ${personId}) as totp_confirmed_at,
               (select count(*)::integer from identity.recovery_codes where person_id = ${personId} and used_at is null) as codes_left`,
  )
}

const OwnerRow = z.object({ user_handle: z.instanceof(Buffer), email: z.string(), display_name: z.string() })

/** Whose passkey it will be; undefined for who is not active. */
export async function passkeyOwner(db: Db, personId: PersonId): Promise<PasskeyOwner | undefined> {
  const row = await maybe(db, OwnerRow, sql`select user_handle, email, display_name from identity.persons where id = ${personId} and state = 'active'`)
  return row && { userHandle: row.user_handle, email: row.email, displayName: row.display_name }
}

const OpenedBy = z.object({ credential_id: idOf<'credential'>().nullable() })

/** The passkey that opened a session; null where none did. */
export async function openedBy(db: Db, sessionId: SessionId): Promise<z.output<typeof OpenedBy>['credential_id']> {
  const row = await maybe(db, OpenedBy, sql`select credential_id from identity.sessions where id = ${sessionId}`)
  return row?.credential_id ?? null
}
