import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { readsSaga } from '../authz.ts'
import { detailOf, SagaDetail } from '../detail.ts'
import { historyIn } from '../sight.ts'

export const showSagaRoute = operation({
  get: '/admin/sagas/:id',
  id: 'showSaga',
  summary: 'One saga: how it stands, its graph with what remains, and what became of each step at its participant',
  authz: readsSaga,
  params: z.object({ id: idOf<'saga'>() }),
  reply: SagaDetail,
  refuses: [refusals.not_found, refusals.version_missing, shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  async answer({ params }, { sight }: IdentityParts) {
    return detailOf(sight, await historyIn(sight, params.id))
  },
})
