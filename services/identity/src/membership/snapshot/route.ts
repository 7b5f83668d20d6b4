import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { membershipsAfter, SnapshotMembership, snapshotPosition } from '../queries.ts'

const LIMIT_MAX = 1000

export const snapshotRoute = operation({
  get: '/internal/snapshot',
  id: 'membershipSnapshot',
  summary: 'All memberships, page by page: what a projection is rebuilt from',
  internal: { auth: 'token', callers: ['memory', 'companion', 'credit', 'audit'] },
  query: z.strictObject({ cursor: idOf<'membership'>().optional(), limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT_MAX) }),
  reply: z.object({ position: z.string(), items: z.array(SnapshotMembership), nextCursor: idOf<'membership'>().nullable() }),
  refuses: [shared.internal_token_invalid, shared.actor_refused, shared.invalid_body],

  async answer({ query }, { db }: IdentityParts) {
    // Read before the rows: what commits in between is both in a page and on the bus, and a revision tells which is newer.
    const position = await snapshotPosition(db)
    const items = await membershipsAfter(db, query.cursor, query.limit)
    return { position, items: [...items], nextCursor: items.length < query.limit ? null : (items.at(-1)?.membershipId ?? null) }
  },
})
