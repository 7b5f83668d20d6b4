// Which change of a contract takes authority away: it needs nobody's signature. Anything else gives some, and is signed (companion page §20).
import { canonicalJson } from '@loomworks/kernel'
import type { Terms } from './terms.ts'

/** Whether `next` allows nothing that `held` does not. Pure; a partial order up to the order of lists. */
export function lowers(held: Terms, next: Terms): boolean {
  return (
    isSameKind(held, next) &&
    next.stage <= held.stage &&
    moneyLowers(held.money, next.money) &&
    next.count.window === held.count.window &&
    next.count.max <= held.count.max &&
    payeesWithin(held.payees, next.payees) &&
    recipientsWithin(held.recipients, next.recipients) &&
    next.tolerance.price_pct <= held.tolerance.price_pct &&
    next.tolerance.time_min <= held.tolerance.time_min &&
    (held.tolerance.substitute || !next.tolerance.substitute) &&
    isWithin(held.discloses ?? [], next.discloses ?? []) &&
    (next.hours === held.hours || held.hours === 'any') &&
    Date.parse(next.starts_at) >= Date.parse(held.starts_at) &&
    Date.parse(next.expires_at) <= Date.parse(held.expires_at)
  )
}

function isSameKind(held: Terms, next: Terms): boolean {
  const isSame = (['capability', 'connector', 'category', 'zone'] as const).every((each) => next[each] === held[each])
  return isSame && (next.pay_via === undefined || next.pay_via === held.pay_via)
}

function moneyLowers(held: Terms['money'], next: Terms['money']): boolean {
  if (held === undefined || next === undefined) return held === next
  const isSameCurrency = next.currency === held.currency && next.window === held.window
  return isSameCurrency && next.per_action_max <= held.per_action_max && next.window_max <= held.window_max
}

function payeesWithin(held: Terms['payees'], next: Terms['payees']): boolean {
  if (next === undefined) return true
  if (held === undefined) return false
  if ('any_in_category' in held) return true
  return 'list' in next && isWithin(held.list, next.list)
}

function recipientsWithin(held: Terms['recipients'], next: Terms['recipients']): boolean {
  if (next === undefined) return true
  if (held === undefined) return false
  if ('contacts' in held && 'contacts' in next) return isWithin(held.contacts, next.contacts)
  return canonicalJson(held) === canonicalJson(next)
}

function isWithin(held: readonly (string | Readonly<Record<string, string | number>>)[], next: typeof held): boolean {
  const known = new Set(held.map((each) => canonicalJson(each)))
  return next.every((each) => known.has(canonicalJson(each)))
}
