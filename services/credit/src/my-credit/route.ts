import { AccountStatus, CreditAsset } from '@loomworks/contracts'
import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { type Balance, balancesOf } from '../ledger/queries.ts'
import type { CreditParts } from '../parts.ts'
import { ExhaustionPreference, LicenseTier } from '../vocabulary.ts'
import { accountOf } from './queries.ts'

const Shown = z.object({ asset: CreditAsset, settled: z.string(), held: z.string(), available: z.string(), base: z.string(), percent: z.int() })

export const myCreditRoute = operation({
  get: '/me/credit',
  id: 'myCredit',
  summary: 'The account and what is left of the credit',
  authz: { actors: ['person', 'companion'], scope: 'credit.read', object: 'credit', relation: 'self', hide: false },
  reply: z.object({
    account: z.object({
      status: AccountStatus,
      license_tier: LicenseTier,
      expires_at: z.string().nullable(),
      previous_status_change_at: z.string().nullable(),
    }),
    balances: z.array(Shown),
    exhaustion_preference: ExhaustionPreference,
    preferred_asset: CreditAsset.nullable(),
    responder_model: z.string().nullable(),
    previous_responder_model: z.string().nullable(),
    near_exhaustion: z.array(z.string()),
  }),
  refuses: [],

  async answer({ caller }, { db }: CreditParts) {
    const { exhaustion_preference, preferred_asset, previous_responder_model, ...account } = await accountOf(db, caller.actor.id)
    const balances = await balancesOf(db, caller.actor.id)
    return {
      account,
      balances: balances.map(shown),
      exhaustion_preference,
      preferred_asset,
      responder_model: null,
      previous_responder_model,
      near_exhaustion: [],
    }
  },
})

/** Amounts as decimal text: JSON numbers end at 2^53. The percentage is what is left of the base, rounded down. */
function shown({ asset, settled, held, base }: z.output<typeof Balance>): z.input<typeof Shown> {
  const percent = base === 0n ? 0 : Number((settled * 100n) / base)
  return { asset, settled: String(settled), held: String(held), available: String(settled - held), base: String(base), percent }
}
