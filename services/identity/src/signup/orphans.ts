// A submission whose saga never began: the process died between the note and the first append (saga page F5). The host asks for
// these and begins them.
import { SignupInput } from '@loomworks/contracts'
import { actorFromPerson, idOf, timeOf } from '@loomworks/kernel'
import { anySaga, type Orphan } from '@loomworks/sagas'
import { childTrace } from '@loomworks/service-kit'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { personOfSaga, signupSaga } from './saga.ts'

const AGE_MS = 2000
const AT_ONCE = 100

const Row = z.object({ saga_id: idOf<'saga'>(), saga_input: SignupInput })

export async function orphanedSignups(db: Db, nowMs: number): Promise<readonly Orphan[]> {
  const rows = await many(
    db,
    Row,
    sql`select r.saga_id, r.saga_input
          from identity.pending_registrations r
         where r.state = 'submitted' and r.submitted_at < ${timeOf(nowMs - AGE_MS)}
           and not exists (select from identity.saga_open o where o.saga_id = r.saga_id)
         order by r.submitted_at
         limit ${AT_ONCE}`,
  )
  return rows.map(({ saga_id, saga_input }) => ({
    definition: anySaga(signupSaga),
    input: saga_input,
    sagaId: saga_id,
    actor: actorFromPerson(personOfSaga(saga_id)),
    correlationId: saga_id,
    traceparent: childTrace(),
  }))
}
