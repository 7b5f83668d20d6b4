// A grant that nobody claimed in time has ended, whether or not the sweeper has seen it; what is kept of its address are the hashes. One
// that is being claimed neither ends nor can be taken back.
import { idOf } from '@loomworks/kernel'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { EmailHashes } from './eligibility.ts'
import { noteEnded } from './registry.ts'

const IdRow = z.object({ id: idOf<'grant'>() })

export const BATCH = 500

/** Ends overdue grants, all of them or those of one mailbox, in the caller's transaction. */
export async function endOverdue(tx: Db, at: string, only?: EmailHashes): Promise<number> {
  const mailbox = only === undefined ? sql`true` : sql`recipient_email_normalized_hash = ${only.emailNormalizedHash}`
  const ended = await many(
    tx,
    IdRow,
    sql`update credit."grant"
           set status = 'expired', recipient_email = null
         where id in (select id from credit."grant"
                       where status = 'pending_claim' and reserved_by is null and expires_at <= ${at} and ${mailbox}
                       order by expires_at limit ${BATCH} for update skip locked)
        returning id`,
  )
  if (ended.length > 0)
    await noteEnded(
      tx,
      ended.map(({ id }) => id),
      'expired',
      at,
    )
  return ended.length
}
