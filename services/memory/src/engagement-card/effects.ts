// What sagas make here, for reconciling: the personal engagements that stand. One that was voided has no card.
import { EngagementState } from '@loomworks/contracts'
import type { EffectsAfter } from '@loomworks/sagas'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'

const Row = z.object({ id: z.string(), state: EngagementState, owner: z.string(), since: z.string() })

export function personalEngagementsAfter(db: Db): EffectsAfter {
  return async ({ after, limit }) => {
    const rows = await many(
      db,
      Row,
      sql`select engagement as id, state, owner, opened_at as since
            from memory.engagement
           where owner is not null and (${after ?? null}::uuid is null or owner > ${after ?? null}::uuid)
           order by owner
           limit ${limit}`,
    )
    return rows.map(({ id, state, owner: personId, since }) => ({ kind: 'engagement', id, key: personId, state, sagaId: null, personId, since }))
  }
}
