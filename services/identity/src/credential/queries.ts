import type { PersonId } from '@loomworks/kernel'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { NamedPasskey } from '../passkeys.ts'
import type { CredentialState } from '../vocabulary.ts'

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
