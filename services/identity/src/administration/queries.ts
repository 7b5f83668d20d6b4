import { AccountStatus, PersonState, Role } from '@loomworks/contracts'
import { emailLookup, idOf, type PersonId } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, many, maybe, raw, sql } from '@loomworks/sql'
import { z } from 'zod'
import { heldState } from '../held-person.ts'

/** Pending persons are drafts: nobody sees them. */
export const SeenState = PersonState.exclude(['pending'])

/** A person as staff sees them: no engagement, no content. Who was erased has no name and no address. */
export const PersonSeen = z.object({
  id: idOf<'person'>(),
  email: z.string().nullable(),
  email_verified: z.boolean(),
  display_name: z.string().nullable(),
  state: SeenState,
  locked_reason: z.string().nullable(),
  account_status: AccountStatus,
  roles: z.array(Role),
  passkeys: z.int(),
  totp: z.boolean(),
  recovery_codes_left: z.int(),
  created_at: z.string(),
  activated_at: z.string().nullable(),
})
export type PersonSeen = z.output<typeof PersonSeen>

const COLUMNS = raw(`p.id, case when p.state <> 'erased' then p.email end as email, p.email_verified_at is not null as email_verified,
               case when p.state <> 'erased' then p.display_name end as display_name, p.state, p.locked_reason, p.account_status,
               array(select r.role from identity.person_roles r where r.person_id = p.id and r.active order by r.role) as roles,
               (select count(*)::integer from identity.webauthn_credentials c where c.person_id = p.id and c.state <> 'removed') as passkeys,
               exists (select from identity.totp_factors t where t.person_id = p.id) as totp,
               (select count(*)::integer from identity.recovery_codes c where c.person_id = p.id and c.used_at is null) as recovery_codes_left,
               p.created_at, p.activated_at`)

export interface PersonFilter {
  readonly email: string | undefined
  readonly state: z.output<typeof SeenState> | undefined
  readonly after: PersonId | undefined
  readonly limit: number
}

/** The newest first. */
export function personsSeen(db: Db, { email, state, after, limit }: PersonFilter): Promise<readonly PersonSeen[]> {
  return many(
    db,
    PersonSeen,
    sql`select ${COLUMNS}
          from identity.persons p
         where p.state <> 'pending'
           and (${state ?? null}::text is null or p.state = ${state ?? null})
           and (${email ?? null}::text is null or (p.state <> 'erased' and p.email_lookup = ${email === undefined ? null : emailLookup(email)}))
           and (${after ?? null}::uuid is null
                or (p.created_at, p.id) < (select a.created_at, a.id from identity.persons a where a.id = ${after ?? null}::uuid))
         order by p.created_at desc, p.id desc
         limit ${limit}`,
  )
}

/** Refuses `not_found` for nobody and for who is pending. */
export async function personSeen(db: Db, id: PersonId): Promise<PersonSeen> {
  const person = await maybe(db, PersonSeen, sql`select ${COLUMNS} from identity.persons p where p.id = ${id} and p.state <> 'pending'`)
  if (person === undefined) throw shared.not_found()
  return person
}

/** The state of a person whom nobody else changes until the transaction ends. Refuses `not_found`. */
export async function lockedState(tx: Db, id: PersonId): Promise<z.output<typeof SeenState>> {
  const state = await heldState(tx, id)
  if (state === undefined || state === 'pending') throw shared.not_found()
  return state
}
