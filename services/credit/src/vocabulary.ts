// The closed sets that credit alone speaks of; what others see too is in @loomworks/contracts.
import { CreditAsset } from '@loomworks/contracts'
import { z } from 'zod'

export const GrantStatus = z.enum(['pending_claim', 'claimed', 'expired', 'revoked'])
export type GrantStatus = z.output<typeof GrantStatus>
export const RegistryStatus = z.enum([...GrantStatus.options, 'deleted'])
export const Eligibility = z.enum(['eligible', 'pending_claim_exists', 'already_granted', 'cooling_down'])
export const LicenseTier = z.enum(['open', 'granted', 'own_key'])
export const ExhaustionPreference = z.enum(['pause', 'downgrade_model', 'use_own_key'])
export const PartyKind = z.enum(['person', 'institution'])
export const AssetKind = z.enum(['credit', 'token', 'status'])
export const TxKind = z.enum([
  'issuance',
  'consumption',
  'absorption',
  'zeroing',
  'referral',
  'reversal',
  'replacement',
  'exhaustion',
  'restoration',
  'suspension',
  'reactivation',
  'deletion',
])

/** Ids of the credit assets, as the migration seeds them. */
export const ASSET_IDS: Readonly<Record<CreditAsset, number>> = { loomworks_credit_haiku: 1, loomworks_credit_sonnet: 2, loomworks_credit_opus: 3 }

export function assetOf(id: number): CreditAsset {
  return CreditAsset.options.find((code) => ASSET_IDS[code] === id) ?? unknownAsset(id)
}

function unknownAsset(id: number): never {
  throw new Error(`no credit asset has the id ${id}`)
}
