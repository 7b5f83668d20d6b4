// What a contract between a person and their Companion may say (companion page §6, §20). The member names are those that are shown and signed.
import { hashOf, idOf, type Json } from '@loomworks/kernel'
import { z } from 'zod'
import { At, ZoneName } from '../fields.ts'
import { Capability, ContractCategory, SpendingWindow } from '../sets.ts'

const DAY_MS = 86_400_000
const MAX_DAYS = 366
const MAX_NAMED = 50
const MAX_MINOR = 1_000_000_000_000

/** The name of a connector; `loomworks` for what stays inside. */
export const ConnectorName = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/)
/** ISO 4217. */
export const Currency = z.string().regex(/^[A-Z]{3}$/)
const Minor = z.int().min(0).max(MAX_MINOR)
/** An amount in minor units of its currency. */
export const Money = z.strictObject({ currency: Currency, minor: Minor })

const MoneyLimits = z
  .strictObject({ currency: Currency, per_action_max: Minor, window: SpendingWindow, window_max: Minor })
  .refine((money) => money.per_action_max <= money.window_max, { message: 'one action is within the window' })

/** Somebody as a connector knows them. */
export const Payee = z.strictObject({ connector: ConnectorName, id: z.string().min(1).max(200) })
/** A contact as it stood when it was signed for: one that has changed since is another. */
export const PinnedContact = z.strictObject({ contact: idOf<'contact'>(), version: z.int().min(1) })

const Payees = z.union([z.strictObject({ any_in_category: z.literal(true) }), z.strictObject({ list: z.array(Payee).min(1).max(MAX_NAMED) })])
const Recipients = z.union([
  z.strictObject({ contacts: z.array(PinnedContact).min(1).max(MAX_NAMED) }),
  z.strictObject({ group: z.string().min(1).max(80) }),
  z.strictObject({ engagement: idOf<'engagement'>() }),
])
const Tolerance = z.strictObject({ price_pct: z.int().min(0).max(20), time_min: z.int().min(0).max(120), substitute: z.boolean() })

/** Who is not named may not be paid or written to: absent `payees`, `recipients` and `discloses` are asked about each time. */
const Named = z.strictObject({
  capability: Capability,
  connector: ConnectorName,
  pay_via: ConnectorName.optional(),
  category: ContractCategory,
  /** In which windows are days, weeks and months. */
  zone: ZoneName,
  stage: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  money: MoneyLimits.optional(),
  count: z.strictObject({ window: SpendingWindow, max: z.int().min(1).max(1000) }),
  payees: Payees.optional(),
  recipients: Recipients.optional(),
  tolerance: Tolerance,
  /** Types of objects, or references, that may be told to others. */
  discloses: z.array(z.string().min(1).max(200)).max(MAX_NAMED).optional(),
  hours: z.enum(['any', 'active']),
  starts_at: At,
  expires_at: At,
})

export const Terms = Named.superRefine((terms, check) => {
  const wrong = (path: string, message: string) => check.addIssue({ code: 'custom', path: [path], message })
  if (movesMoney(terms) && terms.money === undefined) wrong('money', 'is there where money can move')
  if (terms.stage < 3 && isTolerant(terms.tolerance)) wrong('tolerance', 'is for stage 3')
  if (terms.stage > 1 && (terms.category === 'any' || terms.category === 'other')) wrong('stage', 'is 1 in this category')
  const lastsMs = Date.parse(terms.expires_at) - Date.parse(terms.starts_at)
  if (lastsMs <= 0 || lastsMs > MAX_DAYS * DAY_MS) wrong('expires_at', `is at most ${MAX_DAYS} days after the start`)
})
export type Terms = z.output<typeof Terms>

/** What stands for terms where they are not told: SHA-256 of the canonical form, with a salt that is kept with the terms. */
export function termsHash(terms: Json, salt: string): string {
  return hashOf({ salt, terms })
}

function movesMoney({ capability, pay_via }: z.output<typeof Named>): boolean {
  return capability === 'payment.spend' || pay_via !== undefined
}

function isTolerant({ price_pct, time_min, substitute }: z.output<typeof Tolerance>): boolean {
  return price_pct > 0 || time_min > 0 || substitute
}
