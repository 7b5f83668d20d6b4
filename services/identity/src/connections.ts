// Connections to services outside, as far as identity knows them: by the token it keeps.
import type { PersonId } from '@loomworks/kernel'
import { type Db, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'

const Row = z.object({ id: z.string() })

/** A connection is linked for as long as its token is in the vault. */
export async function isLinked(db: Db, personId: PersonId, connectionId: string): Promise<boolean> {
  const row = await maybe(
    db,
    Row,
    sql`select id
          from identity.secrets
         where scope = 'person' and scope_id = ${personId} and name = ${`connection.${connectionId}`} and kind = 'oauth_token'`,
  )
  return row !== undefined
}
