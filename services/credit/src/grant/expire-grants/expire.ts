// Ends overdue grants every minute, and moves settled flows of institutions into their sums.
import { setTimeout as delay } from 'node:timers/promises'
import { timeOf } from '@loomworks/kernel'
import type { Worker } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import type { CreditParts } from '../../parts.ts'
import { BATCH, endOverdue } from '../overdue.ts'

const EVERY_MS = 60_000

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
