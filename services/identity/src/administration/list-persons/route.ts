import { EmailAddress, idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { seesPersons } from '../authz.ts'
import { PersonSeen, personsSeen, SeenState } from '../queries.ts'

const LIMIT_MAX = 100
const LIMIT = 50

export const listPersonsRoute = operation({
  get: '/admin/persons',
  id: 'listPersons',
  summary: 'The persons of this deployment, the newest first',
  authz: seesPersons,
  query: z.strictObject({
    email: EmailAddress.optional(),
    state: SeenState.optional(),
    cursor: idOf<'person'>().optional(),
    limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT),
  }),
  reply: z.object({ items: z.array(PersonSeen), next_cursor: idOf<'person'>().nullable() }),
  refuses: [shared.invalid_body],

  async answer({ query: { email, state, cursor, limit } }, { db }: IdentityParts) {
    const items = await personsSeen(db, { email, state, after: cursor, limit })
    return { items: [...items], next_cursor: items.length < limit ? null : (items.at(-1)?.id ?? null) }
  },
})
