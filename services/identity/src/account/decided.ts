// What an operator watches of credit's decisions: those that are not obeyed, or were decided from another state than the account was in.
import type { ServiceMetrics } from '@loomworks/service-kit'
import { Counter } from 'prom-client'
import type { Obeyed } from '../account-status.ts'

/** `told`: a deletion, which the erasure brings. */
export type DecisionOutcome = Obeyed['outcome'] | 'out_of_step' | 'told'

/** Counts decisions by what became of them. */
export function decisionCounter({ registry }: ServiceMetrics): (outcome: DecisionOutcome) => void {
  const decisions = new Counter({
    name: 'account_decisions_total',
    help: 'Decisions of credit about accounts, by what became of them.',
    labelNames: ['outcome'],
    registers: [registry],
  })
  return (outcome) => decisions.inc({ outcome })
}
