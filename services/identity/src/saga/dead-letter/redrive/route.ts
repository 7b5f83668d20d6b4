import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { dlq, saga as sagaRefusals } from '../../../errors.ts'
import type { IdentityParts } from '../../../parts.ts'
import { actsOnDeadLetter } from '../../authz.ts'
import { defined, type Sight } from '../../sight.ts'
import { againOf, decide, requireReason } from '../deciding.ts'
import { type Letter, letterWith } from '../letters.ts'
import { editedMessage } from '../message.ts'
import { LetterId, shownDecision } from '../shown.ts'
import { DecisionTaken } from '../taken.ts'

export const redriveDeadLetterRoute = operation({
  post: '/admin/dead-letters/:id/redrive',
  id: 'redriveDeadLetter',
  summary: 'Has a dead letter handled once more, as it is or as edited',
  authz: actsOnDeadLetter,
  limits: { idempotency: 'optional' },
  params: z.object({ id: LetterId }),
  body: z.strictObject({
    reason: z.string().max(500).default(''),
    /** The whole message in place of the original; what is left masked stays what it was. */
    message: z.record(z.string(), z.unknown()).optional(),
    dry_run: z.boolean().default(false),
  }),
  reply: DecisionTaken,
  refuses: [
    dlq.not_found,
    dlq.saga_closed,
    dlq.edit_invalid,
    sagaRefusals.reason_required,
    sagaRefusals.version_missing,
    shared.unauthenticated,
    shared.scope_missing,
    shared.actor_refused,
    shared.step_up_required,
    shared.invalid_body,
  ],

  async answer({ params, body, caller, once }, parts: IdentityParts) {
    requireReason(body.reason)
    const { sight } = parts
    const letter = await letterWith(sight.bus, BigInt(params.id))
    if (letter === undefined) throw dlq.not_found()
    const data = body.message === undefined ? letter.data : dataOf(sight, letter, body.message)
    if (body.dry_run) {
      await requireOpen(parts, letter)
      return { id: params.id, dry_run: true, decision: null, message: { id: againOf(letter, '…', data).id, subject: letter.origin.subject } }
    }
    return once(parts.db, async (tx) => {
      // Here and not before: the saga may have ended because of what this repeats.
      await requireOpen(parts, letter)
      const decided = await decide(tx, parts, letter, { decision: 'redriven', reason: body.reason, data, caller })
      const { id, subject } = againOf(letter, decided.id, data)
      return { id: params.id, dry_run: false, decision: shownDecision(decided), message: { id, subject } }
    })
  },
})

/** A saga that has ended waits for nothing; an integration event belongs to none. */
async function requireOpen({ sagas }: Pick<IdentityParts, 'sagas'>, { sagaId }: Letter): Promise<void> {
  if (sagaId === undefined) return
  const view = await defined(sagas.status(sagaId))
  if (view === undefined || view.state === 'completed' || view.state === 'aborted') throw dlq.saga_closed()
}

function dataOf({ mask }: Pick<Sight, 'mask'>, letter: Letter, message: Parameters<typeof editedMessage>[2]): string {
  const edited = editedMessage(mask, letter, message)
  if (!edited.ok) throw dlq.edit_invalid({ errors: edited.faults.map((fault) => ({ ...fault })) })
  return edited.data
}
