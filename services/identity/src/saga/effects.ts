// What sagas make here, for reconciling: persons that are coming to be, and those that are.
import { PersonState } from '@loomworks/contracts'
import type { EffectsAfter } from '@loomworks/sagas'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'

const Row = z.object({ id: z.string(), state: PersonState, since: z.string() })

export function personsAfter(db: Db): EffectsAfter {
  return async ({ after, limit }) => {
    const rows = await many(
      db,
      Row,
      sql`select id, state, coalesce(activated_at, created_at) as since
            from identity.persons
           where state <> 'erased' and not (state = 'pending' and imported_at is not null) and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
           order by id
           limit ${limit}`,
    )
    return rows.map(({ id, state, since }) => ({ kind: 'person', id, key: id, state, sagaId: null, personId: id, since }))
  }
}
