import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { revokeOwn } from '../revoke-own.ts'

export const revokeOtherSessionsRoute = operation({
  post: '/me/sessions/revoke-others',
  id: 'revokeOtherSessions',
  summary: 'End all my sessions but this one',
  authz: { actors: ['person'], scope: 'account.security', object: 'session', relation: 'self', hide: false },
  reply: z.object({ revoked: z.int() }),
  refuses: [],

  async answer({ caller, token }, parts: IdentityParts) {
    return { revoked: await revokeOwn(parts, caller, token.sid) }
  },
})
