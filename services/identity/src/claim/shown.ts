import { Amount, CreditAsset, confirmGrant, reserveGrant } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import type { SagaView } from '@loomworks/sagas'
import { z } from 'zod'

/** What became the person's. Amounts are decimal text, in units of the asset. */
export const Claimed = z.object({ grant_id: idOf<'grant'>(), asset_id: CreditAsset, amount: Amount, balance: Amount })
export const Pending = z.object({ id: idOf<'saga'>(), state: z.literal('pending'), status_url: z.string() })

/** A completed claim, as credit answered it. */
export function claimedOf({ replies }: SagaView): z.output<typeof Claimed> {
  const { grantId, assetId, amount } = reserveGrant.done.parse(replies.reserve)
  const { balance } = confirmGrant.done.parse(replies.confirm)
  return { grant_id: grantId, asset_id: assetId, amount, balance }
}
