import { type Db, exec, sql } from '@loomworks/sql'
import type { EmailHashes } from './eligibility.ts'

/** Notes that an address was given a grant, in the transaction of the grant. */
export async function noteIssued(tx: Db, grantId: string, { emailHash, emailNormalizedHash }: EmailHashes, at: string): Promise<void> {
  await exec(
    tx,
    sql`insert into credit.email_grant_registry as r (email_hash, email_normalized_hash, first_grant_at, last_grant_at, total_grants_issued, last_grant_id, last_grant_status, last_status_at)
        values (${emailHash}, ${emailNormalizedHash}, ${at}, ${at}, 1, ${grantId}, 'pending_claim', ${at})
        on conflict (email_hash) do update
           set last_grant_at = excluded.last_grant_at, total_grants_issued = r.total_grants_issued + 1, last_grant_id = excluded.last_grant_id,
               last_grant_status = 'pending_claim', last_status_at = excluded.last_status_at`,
  )
}

/** Notes how a grant ended, where it is the newest of its address. */
export async function noteEnded(tx: Db, grantIds: readonly string[], status: 'claimed' | 'expired', at: string): Promise<void> {
  await exec(
    tx,
    sql`update credit.email_grant_registry
           set last_grant_status = ${status}, last_status_at = ${at}
         where last_grant_id = any(${grantIds}::uuid[])`,
  )
}
