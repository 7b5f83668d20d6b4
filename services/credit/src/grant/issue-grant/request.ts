import { CreditAsset, GrantKind } from '@loomworks/contracts'
import { EmailAddress, idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { grant } from '../../errors.ts'

const AMOUNT_MAX = 1_000_000_000n
const METADATA_BYTES = 4096

/** What an admin may ask for; the sets and ranges with refusals of their own are checked by `askedFor`. */
export const IssueGrantBody = z.strictObject({
  recipient_email: EmailAddress,
  grant_kind: GrantKind,
  asset_id: z.string().max(64),
  credit_amount: z.string().max(32),
  expires_in_days: z.int().min(1).max(365).optional(),
  campaign_ref: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/)
    .optional(),
  metadata: z
    .record(z.string().min(1).max(64), z.string().max(1000))
    .refine((metadata) => Object.keys(metadata).length <= 20, 'at most 20 entries')
    .refine((metadata) => Buffer.byteLength(JSON.stringify(metadata)) <= METADATA_BYTES, 'at most 4 KiB')
    .default({}),
  referrer_person_id: idOf<'person'>().optional(),
  allow_existing: z.boolean().default(false),
})

export interface Asked {
  readonly asset: CreditAsset
  readonly amount: bigint
}

/** The asset and the amount of a request. 422 `grant.asset_unknown`, `grant.amount_invalid`, `grant.referrer_invalid`. */
export function askedFor(body: z.output<typeof IssueGrantBody>): Asked {
  const asset = CreditAsset.safeParse(body.asset_id)
  if (!asset.success) throw grant.asset_unknown()
  if (!/^[1-9][0-9]{0,9}$/.test(body.credit_amount) || BigInt(body.credit_amount) > AMOUNT_MAX) throw grant.amount_invalid()
  if ((body.grant_kind === 'referrer_initiated') !== (body.referrer_person_id !== undefined)) throw grant.referrer_invalid()
  return { asset: asset.data, amount: BigInt(body.credit_amount) }
}
