import { AccountStatusDecided } from '@loomworks/contracts'
import { timeOf } from '@loomworks/kernel'
import { on } from '@loomworks/service-kit'
import { obeyDecision } from '../../account-status.ts'
import type { IdentityParts } from '../../parts.ts'

/** What credit decided of an account comes to be. The newest decision is what counts, so the state it was decided from is not asked for: one
 *  that was missed in between must not keep an account apart for ever; it is told to operators, like a decision that cannot be obeyed. None is a
 *  dead letter: what is late has been overtaken, and credit finds by itself what was not answered. `deleted` comes with the erasure alone. */
export const obeyDecisionOfCredit = on<IdentityParts, typeof AccountStatusDecided.schema>(
  AccountStatusDecided,
  async (tx, { decisionId: id, personId, seq, from, to, reason }, heard, { relay, clock, log, decided }) => {
    if (to === 'deleted') return tx.afterCommit(() => decided('told'))
    const { actor, correlationId, traceparent } = heard
    const stating = { at: timeOf(clock.now()), actor, correlationId, causationId: heard.messageId, traceparent }
    const obeyed = await obeyDecision(tx, { id, personId, seq, to, reason }, stating)
    const outcome = obeyed.outcome === 'changed' && obeyed.stood !== from ? 'out_of_step' : obeyed.outcome
    if (obeyed.outcome === 'changed') relay.wakeAfter(tx)
    tx.afterCommit(() => {
      decided(outcome)
      const about = { decisionId: id, personId, seq, from, to, stood: 'stood' in obeyed ? obeyed.stood : undefined }
      if (outcome === 'out_of_step') log.warn(about, 'credit decided about an account from another state than it was in')
      if (outcome === 'no_edge' || outcome === 'no_account') log.warn(about, 'a decision about an account cannot be obeyed')
    })
  },
)
