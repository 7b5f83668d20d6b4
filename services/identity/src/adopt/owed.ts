// Who is to be adopted: imported persons, and any who were found without a personal engagement. The host asks every second and begins what is
// owed, so an import needs nothing but its rows; whoever begins one twice begins the same saga.
import { AdoptInput } from '@loomworks/contracts'
import { actorFromService, idOf, type SagaId, timeOf } from '@loomworks/kernel'
import { anySaga, type Orphan } from '@loomworks/sagas'
import { childTrace } from '@loomworks/service-kit'
import { type Db, exec, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { ADOPT_ATTEMPTS_SOON } from '../vocabulary.ts'
import { adoptSaga, adoptSagaId } from './saga.ts'

const AT_ONCE = 50
const AGAIN_MS = 60_000
const MUCH_LATER_MS = 21_600_000

const ToAdopt = z.object({ id: idOf<'person'>(), adopt_attempt: z.int() })

export async function owedAdoptions(db: Db, nowMs: number): Promise<readonly Orphan[]> {
  const rows = await many(
    db,
    ToAdopt,
    sql`select p.id, p.adopt_attempt
          from identity.persons p
         where p.personal_engagement_id is null and (p.imported_at is not null or p.state in ('active', 'locked'))
           and (p.adopt_due_at is null or p.adopt_due_at <= ${timeOf(nowMs)})
           and not exists (select from identity.saga_open o
                            where o.definition = 'adopt' and o.refs @> array[p.id] and o.state not in ('completed', 'aborted'))
         order by p.created_at
         limit ${AT_ONCE}`,
  )
  return rows.map(({ id, adopt_attempt }) => {
    const sagaId = adoptSagaId(id, adopt_attempt + 1)
    const input = AdoptInput.parse({ personId: id, attempt: adopt_attempt + 1 })
    return { definition: anySaga(adoptSaga), input, sagaId, actor: actorFromService('migrations'), correlationId: sagaId, traceparent: childTrace() }
  })
}

/** An adoption that was undone is tried again under the next attempt: a minute later, after the fifth six hours later. */
export async function adoptionUndone(tx: Db, sagaId: SagaId, { personId, attempt }: AdoptInput, nowMs: number): Promise<void> {
  if (adoptSagaId(personId, attempt) !== sagaId) return
  const dueMs = nowMs + (attempt < ADOPT_ATTEMPTS_SOON ? AGAIN_MS : MUCH_LATER_MS)
  await exec(
    tx,
    sql`update identity.persons
           set adopt_attempt = ${attempt}, adopt_due_at = ${timeOf(dueMs)}
         where id = ${personId} and personal_engagement_id is null and adopt_attempt < ${attempt}`,
  )
}
