import { idOf, ServiceName } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../../parts.ts'
import { readsDeadLetters } from '../../authz.ts'
import type { Sight } from '../../sight.ts'
import { type Letter, lettersIn } from '../letters.ts'
import { decisionsOn } from '../queries.ts'
import { LetterId, LetterShown, shownLetter } from '../shown.ts'

const LIMIT_MAX = 100
const LIMIT = 50

export const LetterListing = z.strictObject({
  service: ServiceName.optional(),
  reason: z.enum(['exhausted', 'schema', 'unknown_version', 'input_mismatch', 'stale', 'unroutable']).optional(),
  saga: idOf<'saga'>().optional(),
  cursor: LetterId.optional(),
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT),
})

export const LetterPage = z.object({ items: z.array(LetterShown), next_cursor: LetterId.nullable() })

export const listDeadLettersRoute = operation({
  get: '/admin/dead-letters',
  id: 'listDeadLetters',
  summary: 'What could not be handled, oldest first, and what was decided about it',
  authz: readsDeadLetters,
  query: LetterListing,
  reply: LetterPage,
  refuses: [shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  answer: ({ query }, { sight }: IdentityParts) => letterPage(sight, query),
})

export async function letterPage(
  { bus, db, mask }: Pick<Sight, 'bus' | 'db' | 'mask'>,
  { service, reason, saga: sagaId, cursor, limit }: z.output<typeof LetterListing>,
): Promise<z.output<typeof LetterPage>> {
  const letters: Letter[] = []
  for await (const letter of lettersIn(bus, { service, reason, sagaId, after: cursor === undefined ? undefined : BigInt(cursor) })) {
    letters.push(letter)
    if (letters.length === limit) break
  }
  const decisions = await decisionsOn(
    db,
    letters.map(({ id }) => id),
  )
  const last = letters.at(-1)
  return {
    items: letters.map((letter) => shownLetter(mask, letter, decisions)),
    next_cursor: letters.length < limit || last === undefined ? null : String(last.id),
  }
}
