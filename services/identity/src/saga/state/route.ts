import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { readsSaga } from '../authz.ts'
import { momentIn, SagaMoment } from '../moment.ts'
import { historyIn } from '../sight.ts'

export const sagaStateRoute = operation({
  get: '/admin/sagas/:id/state',
  id: 'sagaState',
  summary: 'How a saga stood after one of its events; at its end where none is named',
  authz: readsSaga,
  params: z.object({ id: idOf<'saga'>() }),
  query: z.strictObject({ at: z.coerce.number().int().min(0).optional() }),
  reply: SagaMoment,
  refuses: [refusals.not_found, refusals.version_missing, shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  async answer({ params, query }, { sight }: IdentityParts) {
    return momentIn(sight, await historyIn(sight, params.id), { name: 'at', revision: query.at })
  },
})
