import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { SagaShown, shownSaga } from '../shown.ts'

export const showSagaRoute = operation({
  get: '/admin/sagas/:id',
  id: 'showSaga',
  summary: 'One saga: how it stands, step by step',
  authz: { actors: ['person', 'service'], scope: 'saga.read', role: ['ops'], object: 'saga', idFrom: 'params.id', relation: 'none', hide: false },
  params: z.object({ id: idOf<'saga'>() }),
  reply: SagaShown,
  refuses: [refusals.not_found, shared.unauthenticated, shared.role_missing, shared.invalid_body],

  async answer({ params }, { sagas }: IdentityParts) {
    const view = await sagas.status(params.id)
    if (view === undefined) throw refusals.not_found()
    return shownSaga(view)
  },
})
