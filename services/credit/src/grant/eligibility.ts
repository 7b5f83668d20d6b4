// May this address be given a grant? The registry remembers every address that ever got one, also in the form that mail providers
// treat as the same mailbox.
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { type Eligibility, RegistryStatus } from '../vocabulary.ts'

export interface EmailHashes {
  readonly emailHash: string
  readonly emailNormalizedHash: string
}

export interface Verdict {
  readonly eligibility: z.output<typeof Eligibility>
  readonly matched?: 'email_hash' | 'email_normalized_hash'
  readonly matchedHash?: string
  readonly expiresAt?: string
  readonly retryAt?: string
}

const Known = z.object({ exact: z.boolean(), status: RegistryStatus, last_status_at: z.string(), expires_at: z.string().nullable() })
type Known = z.output<typeof Known>

const DAY_MS = 86_400_000

/** Looks at every row that matches either hash; the first state that applies wins (credit page §4). */
export async function checkEligibility(
  db: Db,
  hashes: EmailHashes,
  { nowMs, coolingDays }: { readonly nowMs: number; readonly coolingDays: number },
): Promise<Verdict> {
  const rows = await many(
    db,
    Known,
    sql`select r.email_hash = ${hashes.emailHash} as exact, r.last_grant_status as status, r.last_status_at, g.expires_at
          from credit.email_grant_registry r
          left join credit."grant" g on g.id = r.last_grant_id and g.status = 'pending_claim'
         where r.email_hash = ${hashes.emailHash} or r.email_normalized_hash = ${hashes.emailNormalizedHash}
         order by exact desc`,
  )
  return verdictOf(rows, hashes, { nowMs, coolingDays })
}

/** Pure: the order of the states is the rule. */
export function verdictOf(
  rows: readonly Known[],
  hashes: EmailHashes,
  { nowMs, coolingDays }: { readonly nowMs: number; readonly coolingDays: number },
): Verdict {
  const cooledMs = (row: Known) => Date.parse(row.last_status_at) + coolingDays * DAY_MS
  const pending = rows.find((row) => row.status === 'pending_claim')
  if (pending !== undefined)
    return { eligibility: 'pending_claim_exists', ...matchOf(pending, hashes), ...(pending.expires_at !== null && { expiresAt: pending.expires_at }) }
  const claimed = rows.find((row) => row.status === 'claimed')
  if (claimed !== undefined) return { eligibility: 'already_granted', ...matchOf(claimed, hashes) }
  const cooling = rows.find((row) => cooledMs(row) > nowMs)
  if (cooling !== undefined) return { eligibility: 'cooling_down', ...matchOf(cooling, hashes), retryAt: new Date(cooledMs(cooling)).toISOString() }
  return { eligibility: 'eligible' }
}

function matchOf({ exact }: Known, { emailHash, emailNormalizedHash }: EmailHashes): Pick<Verdict, 'matched' | 'matchedHash'> {
  return exact ? { matched: 'email_hash', matchedHash: emailHash } : { matched: 'email_normalized_hash', matchedHash: emailNormalizedHash }
}
