import { PersonActivated } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import type { CreditParts } from '../../parts.ts'

/** Every activated person has an account; whoever referred them is kept where the claim has not said so already. */
export const openAccount = on<CreditParts, typeof PersonActivated.schema>(PersonActivated, async (tx, { personId, referredBy }) => {
  await exec(
    tx,
    sql`insert into credit.account as a (person_id, referred_by)
        values (${personId}, ${referredBy ?? null})
        on conflict (person_id) do update set referred_by = coalesce(a.referred_by, excluded.referred_by)
          where a.referred_by is distinct from coalesce(a.referred_by, excluded.referred_by)`,
  )
})
