// Whether a contract covers one act (companion page §20): what identity asks before it mints, and the Companion before it acts.
import { canonicalJson } from '@loomworks/kernel'
import type { z } from 'zod'
import type { Capability } from '../sets.ts'
import type { Money, Payee, PinnedContact, Terms } from './terms.ts'

/** An act as far as terms speak of it. */
export interface Act {
  readonly connector: string
  readonly capability: Capability
  readonly amount?: z.output<typeof Money> | undefined
  readonly payee?: z.output<typeof Payee> | undefined
  /** Whom it is written to; absent where nobody is. */
  readonly recipients?: readonly z.output<typeof PinnedContact>[] | undefined
  readonly atMs: number
}

export type Beyond = 'capability' | 'connector' | 'amount' | 'payee' | 'recipients' | 'time'

/** What of an act lies beyond the terms, the first of it; undefined where they cover it. Pure. */
export function beyondTerms(terms: Terms, act: Act): Beyond | undefined {
  if (act.atMs < Date.parse(terms.starts_at) || act.atMs >= Date.parse(terms.expires_at)) return 'time'
  const isPayment = act.connector === terms.pay_via && act.capability === 'payment.spend'
  if (!isPayment && act.connector !== terms.connector) return 'connector'
  if (!isPayment && act.capability !== terms.capability) return 'capability'
  if (!coversAmount(terms, act, isPayment)) return 'amount'
  if (!coversPayee(terms, act)) return 'payee'
  return coversRecipients(terms, act) ? undefined : 'recipients'
}

/** What pays has an amount; what has one is within the limit of one action. */
function coversAmount({ money, capability }: Terms, { amount }: Act, isPayment: boolean): boolean {
  if (amount === undefined) return !isPayment && capability !== 'payment.spend'
  return money !== undefined && amount.currency === money.currency && amount.minor <= money.per_action_max
}

function coversPayee({ payees }: Terms, { payee, amount }: Act): boolean {
  if (payee === undefined) return amount === undefined
  if (payees === undefined) return false
  return 'any_in_category' in payees || payees.list.some((each) => canonicalJson(each) === canonicalJson(payee))
}

/** Who is in a group or an engagement is known where those are kept. */
function coversRecipients({ recipients, capability }: Terms, act: Act): boolean {
  if (act.recipients === undefined) return !capability.startsWith('message.')
  if (recipients === undefined) return false
  if (!('contacts' in recipients)) return true
  const named = new Set(recipients.contacts.map((each) => canonicalJson(each)))
  return act.recipients.every((each) => named.has(canonicalJson(each)))
}
