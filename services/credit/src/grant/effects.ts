// What sagas hold or have settled here, for reconciling: grants that are reserved for somebody, and those that were claimed.
import type { EffectsAfter } from '@loomworks/sagas'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'

const Row = z.object({ id: z.string(), state: z.enum(['reserved', 'claimed']), saga_id: z.string().nullable(), person_id: z.string(), since: z.string() })

export function grantsAfter(db: Db): EffectsAfter {
  return async ({ after, limit }) => {
    const rows = await many(
      db,
      Row,
      sql`select id, case when status = 'claimed' then 'claimed' else 'reserved' end as state, reserved_by as saga_id,
                 coalesce(claimed_by_person_id, reserved_for) as person_id, coalesce(claimed_at, reserved_at) as since
            from credit."grant"
           where (status = 'claimed' or reserved_by is not null) and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
           order by id
           limit ${limit}`,
    )
    return rows.map(({ id, state, saga_id: sagaId, person_id: personId, since }) => ({ kind: 'grant', id, key: id, state, sagaId, personId, since }))
  }
}
