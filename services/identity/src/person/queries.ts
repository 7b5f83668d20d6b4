import { AccountStatus, Role } from '@loomworks/contracts'
import { idOf, type PersonId } from '@loomworks/kernel'
import { type Db, maybe, prepared, raw, sql } from '@loomworks/sql'
import { z } from 'zod'

/** A person as they see themselves. */
export const Me = z.object({
  id: idOf<'person'>(),
  email: z.string(),
  email_verified: z.boolean(),
  display_name: z.string(),
  companion_name: z.string(),
  personal_engagement_id: idOf<'engagement'>().nullable(),
  account_status: AccountStatus,
  roles: z.array(Role),
  recovery_codes_left: z.int(),
  created_at: z.string(),
})
export type Me = z.output<typeof Me>

/** What `Me` is read from, of `identity.persons p`. */
export const ME_COLUMNS =
  raw(`p.id, p.email, p.email_verified_at is not null as email_verified, p.display_name, p.companion_name, p.personal_engagement_id, p.account_status,
               array(select r.role from identity.person_roles r where r.person_id = p.id and r.active order by r.role) as roles,
               (select count(*)::integer from identity.recovery_codes c where c.person_id = p.id and c.used_at is null) as recovery_codes_left,
               p.created_at`)

/** The person, unless they are pending or erased. */
export function meOf(db: Db, id: PersonId): Promise<Me | undefined> {
  return maybe(
    db,
    Me,
    prepared(
      'me',
      sql`select ${ME_COLUMNS}
          from identity.persons p
         where p.id = ${id} and p.state in ('active', 'locked', 'erasing')`,
    ),
  )
}
