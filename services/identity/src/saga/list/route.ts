import { SagaName, SagaState } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { sagaIds } from '../queries.ts'
import { SagaShown, shownSaga } from '../shown.ts'

const LIMIT_MAX = 100
const LIMIT = 50

export const listSagasRoute = operation({
  get: '/admin/sagas',
  id: 'listSagas',
  summary: 'The sagas, newest first',
  authz: { actors: ['person', 'service'], scope: 'saga.read', role: ['ops'], object: 'saga', relation: 'none', hide: false },
  query: z.strictObject({
    state: SagaState.optional(),
    definition: SagaName.optional(),
    cursor: idOf<'saga'>().optional(),
    limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT),
  }),
  reply: z.object({ items: z.array(SagaShown), next_cursor: idOf<'saga'>().nullable() }),
  refuses: [shared.unauthenticated, shared.role_missing, shared.invalid_body],

  async answer({ query }, { db, sagas }: IdentityParts) {
    const { state, definition, cursor, limit } = query
    const ids = await sagaIds(db, { state, definition, after: cursor, limit })
    const views = await Promise.all(ids.map((id) => sagas.status(id)))
    return { items: views.flatMap((view) => (view === undefined ? [] : [shownSaga(view)])), next_cursor: ids.length < limit ? null : (ids.at(-1) ?? null) }
  },
})
