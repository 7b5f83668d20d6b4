import type { PersonId } from '@loomworks/kernel'
import { type Db, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { credential } from '../errors.ts'
import { lockOwner } from '../owned-factors.ts'
import type { SessionId } from '../sessions.ts'

export interface Changing {
  readonly personId: PersonId
  /** The session that asks. */
  readonly sessionId: SessionId
}

const Judged = z.object({ suspect: z.boolean() })

/** Nobody else changes what the person proves themselves by until the transaction ends. A passkey that may have been copied opens sessions
 *  that may be the thief's: they change nothing here, `credential.clone_suspected`. Refuses `token_refused` where the person is no longer
 *  active. */
export async function holdFactors(tx: Db, { personId, sessionId }: Changing): Promise<void> {
  await lockOwner(tx, personId)
  const { suspect } = await one(
    tx,
    Judged,
    sql`select exists (select
                         from identity.sessions s
                         join identity.webauthn_credentials c on c.id = s.credential_id and c.state = 'suspect'
                        where s.id = ${sessionId}) as suspect`,
  )
  if (suspect) throw credential.clone_suspected()
}
