import { Answered, operation } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { revokeOwn } from '../revoke-own.ts'

export const revokeAllSessionsRoute = operation({
  post: '/me/sessions/revoke-all',
  id: 'revokeAllSessions',
  summary: 'End all my sessions, this one too',
  authz: { actors: ['person'], scope: 'account.security', object: 'session', relation: 'self', hide: false },
  reply: z.object({ revoked: z.int() }),
  refuses: [],

  async answer({ caller }, parts: IdentityParts) {
    const revoked = await revokeOwn(parts, caller, undefined)
    return new Answered(200, { revoked }, { cookies: [parts.cookies.clearSession()] })
  },
})
