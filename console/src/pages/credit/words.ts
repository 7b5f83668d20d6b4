const ASSETS: Readonly<Record<string, string>> = {
  loomworks_credit_haiku: 'Haiku units',
  loomworks_credit_sonnet: 'Sonnet units',
  loomworks_credit_opus: 'Opus units',
}

/** An amount with its unit. Amounts are decimal text: a number would end at 2^53. */
export function amountOf(amount: string, asset: string): string {
  return `${BigInt(amount).toLocaleString()} ${unitOf(asset)}`
}

export function unitOf(asset: string): string {
  return ASSETS[asset] ?? asset
}
