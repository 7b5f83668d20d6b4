import type { Reply } from '@loomworks/client'

const ASSETS: Readonly<Record<string, string>> = {
  loomworks_credit_haiku: 'Haiku units',
  loomworks_credit_sonnet: 'Sonnet units',
  loomworks_credit_opus: 'Opus units',
}

/** An amount with its unit. Amounts are decimal text: a number would end at 2^53. */
export function amountOf(amount: string, asset: string): string {
  return `${countOf(amount)} ${unitOf(asset)}`
}

export function countOf(amount: string): string {
  return BigInt(amount).toLocaleString()
}

export function unitOf(asset: string): string {
  return ASSETS[asset] ?? asset
}

export const STATUSES: Readonly<Record<Reply<'myCredit'>['account']['status'], readonly [word: string, means: string]>> = {
  active: ['Active', 'Your Companion may use a model.'],
  exhausted: ['Used up', 'Your Companion answers by rules until there is credit again, or a key of your own.'],
  suspended: ['Suspended', 'It can be looked at and exported. A key of your own ends this.'],
  deleted: ['Deleted', 'It is about to be erased.'],
}
