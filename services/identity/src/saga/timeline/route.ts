import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { readsSaga } from '../authz.ts'
import { historyIn, participationsIn } from '../sight.ts'
import { SagaTimeline, timelineOf } from '../timeline.ts'

export const sagaTimelineRoute = operation({
  get: '/admin/sagas/:id/timeline',
  id: 'sagaTimeline',
  summary: 'A saga on three lanes and one clock: decisions, deliveries, effects',
  authz: readsSaga,
  params: z.object({ id: idOf<'saga'>() }),
  reply: SagaTimeline,
  refuses: [refusals.not_found, refusals.version_missing, shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  async answer({ params }, { sight }: IdentityParts) {
    const history = await historyIn(sight, params.id)
    return timelineOf(sight, history, await participationsIn(sight, history))
  },
})
