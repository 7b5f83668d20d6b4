// What an operator watches of identity alone.
import type { ServiceMetrics } from '@loomworks/service-kit'
import { Counter } from 'prom-client'
import type { RelyingParty } from './passkeys.ts'

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
