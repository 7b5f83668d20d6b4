import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { endSessionsOf } from '../../sessions.ts'
import { act, PersonParams } from '../acting.ts'
import { actsOnPerson } from '../authz.ts'
import { lockedState } from '../queries.ts'

export const endPersonSessionsRoute = operation({
  post: '/admin/persons/:id/revoke-sessions',
  id: 'endPersonSessions',
  summary: 'End all sessions of a person',
  authz: actsOnPerson,
  params: PersonParams,
  reply: z.undefined(),
  status: 204,
  refuses: [shared.not_found, shared.invalid_body],

  async answer({ params, caller }, parts: IdentityParts) {
    await act(parts, { personId: params.id, caller }, async ({ tx, nowMs, stating }) => {
      await lockedState(tx, params.id)
      await endSessionsOf(tx, params.id, { reason: 'revoked', nowMs, stating })
      return []
    })
    return undefined
  },
})
