import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { readsSaga } from '../authz.ts'
import { differences, SagaDifferences } from '../differences.ts'
import { momentIn } from '../moment.ts'
import { historyIn, type Sight } from '../sight.ts'

const at = z.coerce.number().int().min(0).optional()
const Query = z.strictObject({ a: at, b: at, other: idOf<'saga'>().optional() })

export const sagaDiffRoute = operation({
  get: '/admin/sagas/:id/diff',
  id: 'sagaDiff',
  summary: 'What differs between two moments of a saga, or between two sagas',
  authz: readsSaga,
  params: z.object({ id: idOf<'saga'>() }),
  query: Query,
  reply: SagaDifferences,
  refuses: [refusals.not_found, refusals.version_missing, shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  answer: ({ params, query }, { sight }: IdentityParts) => sagaDiff(sight, params.id, query),
})

/** Moment `a` of the one against moment `b` of the other; of the same saga where no other is named. The end where none is named. */
export async function sagaDiff(
  sight: Sight,
  id: Parameters<typeof historyIn>[1],
  { a, b, other }: z.output<typeof Query>,
): Promise<z.output<typeof SagaDifferences>> {
  const one = await historyIn(sight, id)
  const another = other === undefined ? one : await historyIn(sight, other)
  const left = momentIn(sight, one, { name: 'a', revision: a })
  const right = momentIn(sight, another, { name: 'b', revision: b })
  return {
    left: { id: left.id, revision: left.revision },
    right: { id: right.id, revision: right.revision },
    differences: [...differences(left.state, right.state)],
  }
}
