// After the pivot of a signup: the grant becomes credit, once, whatever repeats. It never refuses.
import { enqueue, outboxRowOf } from '@loomworks/bus'
import { type CreditAsset, CreditsIssued, confirmGrant, GrantClaimed } from '@loomworks/contracts'
import { actorFromService, type Id, idOf, Terminal, type Time, timeOf } from '@loomworks/kernel'
import { type StepContext, sagaStep } from '@loomworks/sagas'
import { type Db, exec, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { settledOf } from '../../ledger/queries.ts'
import type { CreditParts } from '../../parts.ts'
import { ISSUER, type Line, personParty, post } from '../../posting.ts'
import { ASSET_IDS, assetOf } from '../../vocabulary.ts'
import { noteEnded } from '../registry.ts'

const Claimed = z.object({ asset_id: z.int(), credit_amount: z.bigint(), initiated_by: idOf<'person'>(), referred: z.boolean() })
const DAY_MS = 86_400_000

export const confirm = sagaStep(confirmGrant, {
  async do(tx, { grantId, personId }, context: StepContext<CreditParts>) {
    const { parts, clock } = context
    const at = timeOf(clock.now())
    const claimed = await claimOnce(tx, { grantId, personId, at })
    const asset = assetOf(claimed.asset_id)
    await raiseAccount(tx, personId, { at, licenseMs: parts.config.licenseDays * DAY_MS })
    const lines: readonly Line[] = [{ role: 'credit', from: ISSUER, to: personParty(personId), asset, quantity: String(claimed.credit_amount) }]
    const posting = {
      id: grantId,
      kind: 'issuance',
      personId,
      meta: { cause: 'grant', grantId },
      actor: actorFromService('signup'),
      correlationId: context.correlationId,
      occurredAt: at,
      lines,
    } as const
    if (await post(tx, posting)) await tell(tx, context, { grantId, personId, asset, amount: claimed.credit_amount, at })
    const balance = await settledOf(tx, personId, ASSET_IDS[asset])
    return { flowTx: idOf<'tx'>().parse(grantId), balance: String(balance) }
  },
})

interface Claim {
  readonly grantId: string
  readonly personId: string
  readonly at: Time
}

/** The plain address goes with the claim; the hashes stay. */
async function claimOnce(tx: Db, { grantId, personId, at }: Claim): Promise<z.output<typeof Claimed>> {
  const claimed = await maybe(
    tx,
    Claimed,
    sql`update credit."grant"
           set status = 'claimed', claimed_at = coalesce(claimed_at, ${at}), claimed_by_person_id = ${personId}, recipient_email = null,
               reserved_by = null, reserved_for = null, reserved_at = null
         where id = ${grantId} and (status = 'pending_claim' or (status = 'claimed' and claimed_by_person_id = ${personId}))
        returning asset_id, credit_amount, initiated_by, grant_kind = 'referrer_initiated' as referred`,
  )
  if (claimed === undefined) throw new Terminal('grant.lost', `grant ${grantId} is held by this saga and is not there`)
  await noteEnded(tx, [grantId], 'claimed', at)
  return claimed
}

/** The row of the account may be here first or with `PersonActivated`, whichever comes. */
async function raiseAccount(tx: Db, personId: string, { at, licenseMs }: { readonly at: Time; readonly licenseMs: number }): Promise<void> {
  const until = timeOf(Date.parse(at) + licenseMs)
  await exec(
    tx,
    sql`insert into credit.account as a (person_id, license_tier, expires_at)
        values (${personId}, 'granted', ${until})
        on conflict (person_id) do update
           set license_tier = case when a.license_tier = 'open' then 'granted' else a.license_tier end,
               expires_at = greatest(a.expires_at, excluded.expires_at), revision = a.revision + 1`,
  )
}

interface Told {
  readonly grantId: Id<'grant'>
  readonly personId: Id<'person'>
  readonly asset: CreditAsset
  readonly amount: bigint
  readonly at: Time
}

async function tell(
  tx: Tx,
  { sagaId, correlationId, causationId, traceparent, parts }: StepContext<CreditParts>,
  { grantId, personId, asset, amount, at }: Told,
): Promise<void> {
  const stating = { at, actor: actorFromService('signup'), correlationId, causationId, traceparent }
  const line = { line: 1, role: 'credit', from: ISSUER, to: personParty(personId), asset, quantity: String(amount) } as const
  const issued: z.input<typeof CreditsIssued.schema> = {
    tx: grantId,
    personId,
    assetId: asset,
    quantity: String(amount),
    lines: [line],
    cause: 'grant',
    epoch: grantId,
  }
  await enqueue(tx, 'credit', [
    outboxRowOf({ type: GrantClaimed, data: { grantId, personId, sagaId }, cause: grantId }, stating),
    outboxRowOf({ type: CreditsIssued, data: issued, cause: grantId }, stating),
  ])
  parts.relay.wakeAfter(tx)
}
