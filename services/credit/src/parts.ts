import type { OutboxRelay } from '@loomworks/bus'
import type { Clock } from '@loomworks/kernel'
import { keyFromFile, type Log, requireSameKey, type ServiceClient, type Wiring } from '@loomworks/service-kit'
import type { Database } from '@loomworks/sql'
import type { CreditConfig } from './config.ts'

/** What the slices of credit are given; built once from the platform, never imported as a value by a slice. */
export interface CreditParts {
  readonly config: CreditConfig
  readonly db: Database
  readonly relay: OutboxRelay
  readonly clock: Clock
  readonly log: Log
  /** Shared with identity: addresses are compared as HMACs under it. */
  readonly pepper: Buffer
  readonly client: ServiceClient
}

export async function parts({ config, db, relay, clock, log, client }: Wiring<CreditConfig>): Promise<CreditParts> {
  const pepper = await keyFromFile('EMAIL_PEPPER_FILE', config.emailPepperFile)
  await requireSameKey(db, 'credit', 'EMAIL_PEPPER_FILE', pepper)
  return { config, db, relay, clock, log, pepper, client }
}
