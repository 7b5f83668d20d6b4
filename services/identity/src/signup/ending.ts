// What the end of a saga means for its registration. Runs in the transaction that marks the saga as ended, and once more for who
// waits for it: each change says which saga it is about, so a repeat changes nothing.
import { type SagaId, timeOf } from '@loomworks/kernel'
import { type Db, exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { claimThrottle, countTry } from '../throttles.ts'
import { SHOWN_AFTER_MS } from './state.ts'

/** What a registration knows of the person and of where they came from, as it is forgotten with its end. */
export const FORGOTTEN = sql`email = null, display_name = null, companion_name = null, user_handle = null, credential = null, totp_sealed = null,
                             totp_step = null, recovery_digests = null, saga_input = null, network_hash = null`

const NetworkHashRow = z.object({ network_hash: z.string().nullable() })

/** The signup is done: the registration shows that it is, and forgets what it knew of the person. */
export async function completeRegistration(tx: Db, sagaId: SagaId, nowMs: number): Promise<void> {
  const now = timeOf(nowMs)
  await exec(
    tx,
    sql`update identity.pending_registrations
           set state = 'completed', completed_at = ${now}, updated_at = ${now}, ${FORGOTTEN}
         where saga_id = ${sagaId} and state = 'submitted'`,
  )
}

/** The signup was undone: the registration may try again. An unknown claim token is counted against the network it came from. */
export async function reopenRegistration(tx: Db, sagaId: SagaId, code: string, nowMs: number): Promise<void> {
  const reopened = await maybe(
    tx,
    NetworkHashRow,
    sql`update identity.pending_registrations
           set state = 'proven', updated_at = ${timeOf(nowMs)}
         where saga_id = ${sagaId} and state = 'submitted'
        returning network_hash`,
  )
  if (reopened?.network_hash && code === 'claim.token_unknown') await countTry(tx, claimThrottle(reopened.network_hash), nowMs)
}

/** Expired registrations forget the person at once and are dropped a day later, like completed ones. */
export async function sweepRegistrations(db: Db, nowMs: number): Promise<void> {
  await exec(
    db,
    sql`update identity.pending_registrations
           set state = 'expired', ${FORGOTTEN}
         where state in ('begun', 'passkey_verified', 'proven') and expires_at <= ${timeOf(nowMs)}`,
  )
  const before = timeOf(nowMs - SHOWN_AFTER_MS)
  await exec(db, sql`delete from identity.pending_registrations where completed_at <= ${before} or (state = 'expired' and expires_at <= ${before})`)
}
