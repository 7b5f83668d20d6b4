import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { readsSaga, readsSagas } from '../authz.ts'
import { replayAll, replayOne, SagaReplayed, SagasReplayed } from '../replaying.ts'

const refuses = [shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body]

export const replaySagaRoute = operation({
  post: '/admin/sagas/:id/replay',
  id: 'replaySaga',
  summary: 'Tells the stored causes of a saga to the decision as it is now, up to the first difference',
  authz: readsSaga,
  params: z.object({ id: idOf<'saga'>() }),
  reply: SagaReplayed,
  refuses: [refusals.not_found, refusals.version_missing, ...refuses],

  answer: ({ params }, { sight }: IdentityParts) => replayOne(sight, params.id),
})

export const replaySagasRoute = operation({
  post: '/admin/sagas/replay',
  id: 'replaySagas',
  summary: 'The same for all that began since a moment, a page of 500 at a time',
  authz: readsSagas,
  limits: { timeoutMs: 30_000 },
  body: z.strictObject({ since: z.iso.datetime(), cursor: idOf<'saga'>().optional() }),
  reply: SagasReplayed,
  refuses,

  answer: ({ body: { since, cursor } }, { sight }: IdentityParts) => replayAll(sight, { since, cursor }),
})
