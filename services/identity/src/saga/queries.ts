import type { SagaName, SagaState } from '@loomworks/contracts'
import { idOf, type SagaId } from '@loomworks/kernel'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'

const SagaIdRow = z.object({ saga_id: idOf<'saga'>() })

export interface SagaListing {
  readonly state: SagaState | undefined
  readonly definition: SagaName | undefined
  /** The last saga of the page before. */
  readonly after: SagaId | undefined
  readonly limit: number
}

/** Ids of sagas, the newest first. */
export async function sagaIds(db: Db, { state, definition, after, limit }: SagaListing): Promise<readonly SagaId[]> {
  const rows = await many(
    db,
    SagaIdRow,
    sql`select o.saga_id
          from identity.saga_open o
         where (${state ?? null}::text is null or o.state = ${state ?? null})
           and (${definition ?? null}::text is null or o.definition = ${definition ?? null})
           and (${after ?? null}::uuid is null
                or (o.started_at, o.saga_id) < (select a.started_at, a.saga_id from identity.saga_open a where a.saga_id = ${after ?? null}::uuid))
         order by o.started_at desc, o.saga_id desc
         limit ${limit}`,
  )
  return rows.map(({ saga_id }) => saga_id)
}
