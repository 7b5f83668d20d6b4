// What the end of a claim means for the network it came from: an unknown token is counted against it. The network is in no event and in no saga's
// input; its hash is kept here while the claim is open. Runs in the transaction that marks the saga as ended, and once more for who waits for it:
// what was kept is taken away by the first, so the second counts nothing.
import { claim } from '@loomworks/contracts'
import { type SagaId, timeOf } from '@loomworks/kernel'
import { type Db, exec, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { claimThrottle, countTry } from '../throttles.ts'

const KEPT_MS = 86_400_000
const Network = z.object({ network_hash: z.string() })

/** Keeps where a claim comes from, before its saga begins. */
export async function keepNetwork(db: Db, sagaId: SagaId, networkHash: string, nowMs: number): Promise<void> {
  await exec(
    db,
    sql`insert into identity.claim_networks (saga_id, network_hash, noted_at)
        select ${sagaId}, ${networkHash}, ${timeOf(nowMs)}
         where not exists (select from identity.saga_open where saga_id = ${sagaId})
        on conflict (saga_id) do nothing`,
  )
}

/** The claim has ended, with this code where it was undone. */
export async function forgetNetwork(tx: Tx, sagaId: SagaId, code: string | undefined, nowMs: number): Promise<void> {
  const kept = await maybe(tx, Network, sql`delete from identity.claim_networks where saga_id = ${sagaId} returning network_hash`)
  if (kept !== undefined && code === claim.token_unknown.code) await countTry(tx, claimThrottle(kept.network_hash), nowMs)
}

/** Forgets where claims came from that never began or are a day old: a count reaches back a quarter of an hour. */
export function sweepNetworks(db: Db, nowMs: number): Promise<number> {
  return exec(db, sql`delete from identity.claim_networks where noted_at <= ${timeOf(nowMs - KEPT_MS)}`)
}
