import { claim, signupDoor } from '@loomworks/contracts'
import { refusals } from '@loomworks/kernel'
import { z } from 'zod'
import { Eligibility } from './vocabulary.ts'

export const grant = refusals('grant', {
  ineligible: {
    status: 409,
    says: 'This address cannot be given a grant now.',
    remedy: 'See `eligibility`; wait until `retry_at`, or let the pending grant be claimed.',
    details: z.object({
      eligibility: Eligibility.exclude(['eligible']),
      matched: z.enum(['email_hash', 'email_normalized_hash']),
      matchedHash: z.string(),
      expiresAt: z.string().optional(),
      retryAt: z.string().optional(),
    }),
  },
  asset_unknown: { status: 422, says: 'There is no such credit asset.', remedy: 'Name one of the loomworks_credit_… assets.' },
  amount_invalid: { status: 422, says: 'A grant is worth 1 to 1,000,000,000 units.', remedy: 'Send a whole number in that range, as decimal text.' },
  referrer_invalid: {
    status: 422,
    says: 'The referrer does not fit the kind of grant.',
    remedy: 'Name a person with an account for referrer_initiated, and none for other kinds.',
  },
})

export const ledger = refusals('ledger', {
  id_reused: { status: 409, says: 'Another transaction has this id.', remedy: 'Use an id of its own for each transaction.' },
})

export const catalogues = [claim, signupDoor, grant, ledger]
