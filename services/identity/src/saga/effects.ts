// What sagas make here, for reconciling: persons that are coming to be, those that are, and those whose adoption was undone again and again.
import { PersonState } from '@loomworks/contracts'
import type { EffectsAfter } from '@loomworks/sagas'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { ADOPT_ATTEMPTS_SOON } from '../vocabulary.ts'

/** Not a state of a person's row: they have no engagement, and no few more tries will give them one. */
const UNADOPTED = 'unadopted'
const Row = z.object({ id: z.string(), state: PersonState, unadopted: z.boolean(), since: z.string() })

export function personsAfter(db: Db): EffectsAfter {
  return async ({ after, limit }) => {
    const rows = await many(
      db,
      Row,
      sql`select id, state, personal_engagement_id is null and adopt_attempt >= ${ADOPT_ATTEMPTS_SOON} as unadopted, coalesce(activated_at, created_at) as since
            from identity.persons
           where state <> 'erased' and not (state = 'pending' and imported_at is not null and adopt_attempt < ${ADOPT_ATTEMPTS_SOON})
             and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
           order by id
           limit ${limit}`,
    )
    return rows.map(({ id, state, unadopted, since }) => {
      return { kind: 'person', id, key: id, state: unadopted ? UNADOPTED : state, sagaId: null, personId: id, since }
    })
  }
}
