import { operation, shared } from '@loomworks/service-kit'
import type { Db } from '@loomworks/sql'
import { z } from 'zod'
import { membershipsAfter, SnapshotMembership } from '../membership/queries.ts'
import type { IdentityParts } from '../parts.ts'
import { agentsAfter, placeOfSetting, SnapshotAgent, SnapshotSetting, SnapshotState, settingsAfter, snapshotPosition, statesAfter } from './queries.ts'

const LIMIT_MAX = 1000
const Kind = z.enum(['memberships', 'agents', 'settings', 'states'])
const id = z.guid().toLowerCase()
const place = z.string().regex(/^(?:system|engagement|person)\/[0-9a-f-]{36}\/[a-z0-9._]{1,100}$/)

export const snapshotRoute = operation({
  get: '/internal/snapshot',
  id: 'snapshot',
  summary: 'All memberships, agents, settings or states of persons, page by page: what a projection is rebuilt from',
  internal: { auth: 'token', callers: ['memory', 'companion', 'credit', 'audit'] },
  query: z
    .strictObject({
      of: Kind.default('memberships'),
      cursor: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT_MAX),
    })
    .refine(({ of, cursor }) => cursor === undefined || (of === 'settings' ? place : id).safeParse(cursor).success, {
      path: ['cursor'],
      message: 'not a cursor of this list',
    }),
  reply: z.object({
    position: z.string(),
    items: z.array(z.union([SnapshotMembership, SnapshotAgent, SnapshotState, SnapshotSetting])),
    nextCursor: z.string().nullable(),
  }),
  refuses: [shared.internal_token_invalid, shared.actor_refused, shared.invalid_body],

  async answer({ query: { of, cursor, limit } }, { db }: IdentityParts) {
    // Read before the rows: what commits in between is both in a page and on the bus, and a revision tells which is newer.
    const position = await snapshotPosition(db)
    const { items, last } = await PAGES[of](db, cursor, limit)
    return { position, items: [...items], nextCursor: items.length < limit ? null : (last ?? null) }
  },
})

interface Page {
  readonly items: readonly z.output<typeof SnapshotMembership | typeof SnapshotAgent | typeof SnapshotState | typeof SnapshotSetting>[]
  /** The place of the last one. */
  readonly last: string | undefined
}

const PAGES: Readonly<Record<z.output<typeof Kind>, (db: Db, after: string | undefined, limit: number) => Promise<Page>>> = {
  async memberships(db, after, limit) {
    const items = await membershipsAfter(db, after, limit)
    return { items, last: items.at(-1)?.membershipId }
  },
  async agents(db, after, limit) {
    const items = await agentsAfter(db, after, limit)
    return { items, last: items.at(-1)?.agentId }
  },
  async settings(db, after, limit) {
    const items = await settingsAfter(db, after, limit)
    const last = items.at(-1)
    return { items, last: last && placeOfSetting(last) }
  },
  async states(db, after, limit) {
    const items = await statesAfter(db, after, limit)
    return { items, last: items.at(-1)?.personId }
  },
}
