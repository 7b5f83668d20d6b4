import { SagaAction, StepId } from '@loomworks/contracts'
import { idOf, type Refusal } from '@loomworks/kernel'
import type { ActOutcome } from '@loomworks/sagas'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { actsOnSaga } from '../authz.ts'
import { isReason } from '../reason.ts'
import { defined } from '../sight.ts'
import { Planned, planned } from './planned.ts'

export const actOnSagaRoute = operation({
  post: '/admin/sagas/:id/actions',
  id: 'actOnSaga',
  summary: 'Retry, resend, pause, unpause or cancel a saga, or learn what that would do',
  authz: actsOnSaga,
  params: z.object({ id: idOf<'saga'>() }),
  body: z.strictObject({
    action: z.string().max(32),
    step: StepId.optional(),
    reason: z.string().max(500).default(''),
    /** Of the saga as it was looked at. */
    expected_revision: z.int().min(0),
    dry_run: z.boolean().default(false),
  }),
  reply: Planned,
  refuses: [
    refusals.not_found,
    refusals.closed,
    refusals.changed,
    refusals.nothing_outstanding,
    refusals.not_pausable,
    refusals.past_pivot,
    refusals.action_unknown,
    refusals.reason_required,
    refusals.version_missing,
    shared.unauthenticated,
    shared.scope_missing,
    shared.actor_refused,
    shared.step_up_required,
    shared.invalid_body,
  ],

  async answer({ params, body, caller }, { sagas, sight }: IdentityParts) {
    const action = SagaAction.safeParse(body.action)
    if (!action.success) throw refusals.action_unknown()
    if (!isReason(body.reason)) throw refusals.reason_required()
    const { id: sagaId } = params
    const { step, reason, dry_run: dryRun } = body
    const { actor, commandId } = caller
    const expectedRevision = BigInt(body.expected_revision)
    const outcome = await defined(sagas.act({ sagaId, action: action.data, step, reason, expectedRevision, dryRun, actor, commandId }))
    if (!outcome.ok) throw refusalOf(outcome)
    return planned(sight.mask, outcome, { action: action.data, dryRun })
  },
})

function refusalOf(outcome: Extract<ActOutcome, { ok: false }>): Refusal {
  return outcome.why === 'changed' ? refusals.changed({ revision: Number(outcome.revision) }) : refusals[outcome.why]()
}
