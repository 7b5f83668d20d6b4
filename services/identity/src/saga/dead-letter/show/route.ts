import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { dlq } from '../../../errors.ts'
import type { IdentityParts } from '../../../parts.ts'
import { readsDeadLetter } from '../../authz.ts'
import type { Sight } from '../../sight.ts'
import { letterWith } from '../letters.ts'
import { LetterData, shownMessage } from '../message.ts'
import { decisionsOn } from '../queries.ts'
import { LetterId, LetterShown, shownLetter } from '../shown.ts'

export const LetterDetail = LetterShown.extend({ content: LetterData })

export const showDeadLetterRoute = operation({
  get: '/admin/dead-letters/:id',
  id: 'showDeadLetter',
  summary: 'One dead letter with the message it holds',
  authz: readsDeadLetter,
  params: z.object({ id: LetterId }),
  reply: LetterDetail,
  refuses: [dlq.not_found, shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  answer: ({ params }, { sight }: IdentityParts) => letterDetail(sight, params.id),
})

export async function letterDetail({ bus, db, mask }: Pick<Sight, 'bus' | 'db' | 'mask'>, id: string): Promise<z.output<typeof LetterDetail>> {
  const letter = await letterWith(bus, BigInt(id))
  if (letter === undefined) throw dlq.not_found()
  return { ...shownLetter(mask, letter, await decisionsOn(db, [letter.id])), content: shownMessage(mask, letter) }
}
