// What an operator watches of identity alone.
import type { ServiceMetrics } from '@loomworks/service-kit'
import { Counter } from 'prom-client'
import type { Obeyed } from './account-status.ts'
import type { RelyingParty } from './passkeys.ts'

/** What became of a decision of credit. `out_of_step`: obeyed, though it was decided from another state than the account was in; `told`: a
 *  deletion, which the erasure brings. */
export type DecisionOutcome = Obeyed['outcome'] | 'out_of_step' | 'told'

/** Counts passkeys that were refused, by why. */
export function countRefusedPasskeys({ registry }: ServiceMetrics): RelyingParty['onRefused'] {
  const counter = new Counter({
    name: 'passkey_refused_total',
    help: 'Passkeys that were refused, by ceremony and by what did not hold.',
    labelNames: ['ceremony', 'reason'],
    registers: [registry],
  })
  return (ceremony, reason) => counter.inc({ ceremony, reason })
}

/** Counts decisions of credit about accounts, by what became of them. */
export function countDecisions({ registry }: ServiceMetrics): (outcome: DecisionOutcome) => void {
  const counter = new Counter({
    name: 'account_decisions_total',
    help: 'Decisions of credit about accounts, by what became of them.',
    labelNames: ['outcome'],
    registers: [registry],
  })
  return (outcome) => counter.inc({ outcome })
}
