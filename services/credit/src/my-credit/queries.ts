import { AccountStatus, CreditAsset } from '@loomworks/contracts'
import { type Db, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { ExhaustionPreference, LicenseTier } from '../vocabulary.ts'

export const Account = z.object({
  status: AccountStatus,
  license_tier: LicenseTier,
  expires_at: z.string().nullable(),
  previous_status_change_at: z.string().nullable(),
  exhaustion_preference: ExhaustionPreference,
  preferred_asset: CreditAsset.nullable(),
  previous_responder_model: z.string().nullable(),
})
export type Account = z.output<typeof Account>

/** What stands for a person whose account is not here yet: its row follows the activation within a second. */
const NEW_ACCOUNT: Account = {
  status: 'active',
  license_tier: 'open',
  expires_at: null,
  previous_status_change_at: null,
  exhaustion_preference: 'pause',
  preferred_asset: null,
  previous_responder_model: null,
}

export async function accountOf(db: Db, personId: string): Promise<Account> {
  const account = await maybe(
    db,
    Account,
    sql`select a.status, a.license_tier, a.expires_at, a.previous_status_change_at, a.exhaustion_preference, s.code as preferred_asset, a.previous_responder_model
          from credit.account a
          left join credit.asset s on s.id = a.preferred_asset
         where a.person_id = ${personId}`,
  )
  return account ?? NEW_ACCOUNT
}
