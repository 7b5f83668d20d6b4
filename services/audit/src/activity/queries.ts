import { Fact, ForayClass, ForayType } from '@loomworks/foray'
import { type Db, many, one, sql } from '@loomworks/sql'
import { z } from 'zod'

const SizeRow = z.object({ size: z.bigint() })

const Row = z.object({
  arrival: z.bigint(),
  id: z.string(),
  log_index: z.bigint().nullable(),
  signed: z.boolean(),
  occurred_at: z.string(),
  class: ForayClass,
  type: ForayType,
  fact: Fact,
})
export type ActivityRow = z.output<typeof Row>

/** Records that name a person, newest first; before an arrival where a page goes on. */
export function recordsNaming(
  db: Db,
  personId: string,
  { before, limit }: { readonly before: bigint | undefined; readonly limit: number },
): Promise<readonly ActivityRow[]> {
  return many(
    db,
    Row,
    sql`select r.arrival, r.id, r.log_index, coalesce(r.log_index < s.signed_size, false) as signed, r.occurred_at, r.class, r.type, r.fact
          from audit.record r
          cross join audit.log_state s
         where r.id in (select p.record_id from audit.part p where p.owner_kind = 'person' and p.owner_id = ${personId} and p.role is not null)
           and (${before ?? null}::bigint is null or r.arrival < ${before ?? null}::bigint)
         order by r.arrival desc
         limit ${limit}`,
  )
}

export async function logSize(db: Db): Promise<number> {
  const { size } = await one(db, SizeRow, sql`select size from audit.log_state`)
  return Number(size)
}
