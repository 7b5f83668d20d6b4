import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { liveSessions, SessionListed } from '../queries.ts'

const LIMIT_MAX = 100
const LIMIT = 50

export const listSessionsRoute = operation({
  get: '/me/sessions',
  id: 'listSessions',
  summary: 'Where I am logged in, the newest first',
  authz: { actors: ['person'], scope: 'account.read', object: 'session', relation: 'self', hide: false },
  query: z.strictObject({ cursor: idOf<'session'>().optional(), limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT) }),
  reply: z.object({ items: z.array(SessionListed), next_cursor: idOf<'session'>().nullable() }),
  refuses: [shared.invalid_body],

  async answer({ query, caller, token }, { db, clock }: IdentityParts) {
    const items = await liveSessions(db, selfOf(caller), { current: token.sid, after: query.cursor, limit: query.limit, nowMs: clock.now() })
    return { items: [...items], next_cursor: items.length < query.limit ? null : (items.at(-1)?.id ?? null) }
  },
})
