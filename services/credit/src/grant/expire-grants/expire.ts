// A grant that nobody claimed in time ends; what is kept of its address are the hashes. One that is being claimed neither ends nor
// can be taken back.
import { setTimeout as delay } from 'node:timers/promises'
import { idOf, timeOf } from '@loomworks/kernel'
import type { Worker } from '@loomworks/service-kit'
import { type Db, exec, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { CreditParts } from '../../parts.ts'
import type { EmailHashes } from '../eligibility.ts'
import { noteEnded } from '../registry.ts'

const EVERY_MS = 60_000
const BATCH = 500

/** Ends overdue grants, all of them or those of one mailbox, in the caller's transaction. */
export async function endOverdue(tx: Db, at: string, only?: EmailHashes): Promise<number> {
  const mailbox = only === undefined ? sql`true` : sql`recipient_email_normalized_hash = ${only.emailNormalizedHash}`
  const ended = await many(
    tx,
    z.object({ id: idOf<'grant'>() }),
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

/** Every minute; also moves settled flows of institutions into their sums. */
export function expireGrants({ db, clock, log }: CreditParts): Worker {
  const sweep = async () => {
    while ((await db.transaction((tx) => endOverdue(tx, timeOf(clock.now())))) === BATCH);
    await exec(db, sql`select credit.roll_up()`)
  }
  return {
    name: 'expire-grants',
    async run(signal) {
      while (!signal.aborted) {
        await sweep().catch((error: unknown) => log.warn({ err: error }, 'overdue grants wait'))
        await delay(EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined)
      }
    },
  }
}
