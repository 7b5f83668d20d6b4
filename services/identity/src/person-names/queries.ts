import { idOf, type PersonId } from '@loomworks/kernel'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'

export const PersonNames = z.object({ displayName: z.string(), signupDisplayName: z.string(), companionName: z.string() })
type PersonNames = z.output<typeof PersonNames>

const Row = z.object({ id: idOf<'person'>(), display_name: z.string(), signup_display_name: z.string(), companion_name: z.string() })

/** The names of persons in the order of the ids; null for who is pending, erased or unknown. */
export async function namesOf(db: Db, ids: readonly PersonId[]): Promise<readonly (PersonNames | null)[]> {
  const rows = await many(
    db,
    Row,
    sql`select id, display_name, signup_display_name, companion_name
          from identity.persons
         where id = any(${ids}::uuid[]) and state not in ('pending', 'erased')`,
  )
  const byId = new Map(
    rows.map((row) => [row.id, { displayName: row.display_name, signupDisplayName: row.signup_display_name, companionName: row.companion_name }]),
  )
  return ids.map((id) => byId.get(id) ?? null)
}
