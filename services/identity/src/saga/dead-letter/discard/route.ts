import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { dlq, saga as sagaRefusals } from '../../../errors.ts'
import type { IdentityParts } from '../../../parts.ts'
import { actsOnDeadLetter } from '../../authz.ts'
import { decide, requireReason } from '../deciding.ts'
import { letterWith } from '../letters.ts'
import { LetterId, shownDecision } from '../shown.ts'
import { DecisionTaken } from '../taken.ts'

export const discardDeadLetterRoute = operation({
  post: '/admin/dead-letters/:id/discard',
  id: 'discardDeadLetter',
  summary: 'Notes that a dead letter needs no handling; the letter itself stays',
  authz: actsOnDeadLetter,
  limits: { idempotency: 'optional' },
  params: z.object({ id: LetterId }),
  body: z.strictObject({ reason: z.string().max(500).default('') }),
  reply: DecisionTaken,
  refuses: [
    dlq.not_found,
    sagaRefusals.reason_required,
    shared.unauthenticated,
    shared.scope_missing,
    shared.actor_refused,
    shared.step_up_required,
    shared.invalid_body,
  ],

  async answer({ params, body: { reason }, caller, once }, parts: IdentityParts) {
    requireReason(reason)
    const letter = await letterWith(parts.sight.bus, BigInt(params.id))
    if (letter === undefined) throw dlq.not_found()
    return once(parts.db, async (tx) => {
      const decided = await decide(tx, parts, letter, { decision: 'discarded', reason, caller })
      return { id: params.id, dry_run: false, decision: shownDecision(decided), message: null }
    })
  },
})
