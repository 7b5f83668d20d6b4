// The counter of a passkey. One that does not move on means that two authenticators hold the key: the passkey is set aside, and only a
// session of another factor brings it back or removes it.
import type { Stating } from '@loomworks/bus'
import { CredentialCloneSuspected } from '@loomworks/contracts'
import type { Id, PersonId } from '@loomworks/kernel'
import { type Database, type Db, exec, sql } from '@loomworks/sql'
import { fact, statePersonFacts } from './facts.ts'
import { heldState } from './held-person.ts'
import type { Assertion } from './passkeys.ts'

export interface OwnedPasskey {
  readonly credentialRef: Id<'credential'>
  readonly personId: PersonId
}

/** Moves the counter on; false where it does not, or the passkey is no longer in use. */
export async function countUp(tx: Db, { credentialRef }: OwnedPasskey, { counter, backupState }: Assertion, at: string): Promise<boolean> {
  const moved = await exec(
    tx,
    sql`update identity.webauthn_credentials
           set sign_count = ${counter}, backup_state = ${backupState}, last_used_at = ${at}
         where id = ${credentialRef} and state = 'active' and (sign_count < ${counter} or (sign_count = 0 and ${counter}::bigint = 0))`,
  )
  return moved === 1
}

/** Tells of a suspect once, however often it shows itself. */
export function setAside(db: Database, { credentialRef, personId }: OwnedPasskey, stating: Stating): Promise<void> {
  return db.transaction(async (tx) => {
    await heldState(tx, personId)
    const changed = await exec(
      tx,
      sql`update identity.webauthn_credentials
             set state = 'suspect', clone_suspected_at = ${stating.at}
           where id = ${credentialRef} and state = 'active'`,
    )
    if (changed === 1) await statePersonFacts(tx, personId, [fact(CredentialCloneSuspected, { personId, credentialRef })], stating)
  })
}
