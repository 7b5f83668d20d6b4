import { CreditAsset } from '@loomworks/contracts'
import { type Db, many, one, sql } from '@loomworks/sql'
import { z } from 'zod'

const SettledRow = z.object({ settled: z.bigint() })

export const Balance = z.object({ asset: CreditAsset, settled: z.bigint(), held: z.bigint(), base: z.bigint() })

/** The credit of a person, by asset. `base` is what stood there just after the asset's last credit line: what 100 % means. */
export function balancesOf(db: Db, personId: string): Promise<readonly z.output<typeof Balance>[]> {
  return many(
    db,
    Balance,
    sql`select s.code as asset, b.settled, b.held, coalesce(e.base, b.settled) as base
          from credit.balance b
          join credit.party p on p.id = b.party
          join credit.asset s on s.id = b.asset_id and s.kind = 'credit'
          left join lateral (
            select sum(case when f.to_party = b.party then f.quantity else -f.quantity end)::bigint as base
              from credit.flow f
             where f.asset_id = b.asset_id and (f.to_party = b.party or f.from_party = b.party)
               and f.pos <= (select max(c.pos) from credit.flow c where c.to_party = b.party and c.asset_id = b.asset_id and c.role = 'credit')
          ) e on true
         where p.kind = 'person' and p.ref = ${personId}
         order by s.id`,
  )
}

/** What a person has of one asset; 0 where there was never any. */
export async function settledOf(db: Db, personId: string, assetId: number): Promise<bigint> {
  const { settled } = await one(
    db,
    SettledRow,
    sql`select coalesce((select b.settled from credit.balance b join credit.party p on p.id = b.party
                          where p.kind = 'person' and p.ref = ${personId} and b.asset_id = ${assetId}), 0) as settled`,
  )
  return settled
}
