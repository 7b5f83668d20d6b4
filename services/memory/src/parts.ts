import type { OutboxRelay } from '@loomworks/bus'
import { type EventStore, type Handle, handleOn, type Sealer } from '@loomworks/event-store'
import type { Clock } from '@loomworks/kernel'
import { keyFromFile, type Log, requireSameKey, type ServiceClient, type Wiring } from '@loomworks/service-kit'
import type { Database } from '@loomworks/sql'
import type { MemoryConfig } from './config.ts'
import { openWellKnown } from './engagement/open-well-known/open.ts'
import { Keyring } from './keyring/keyring.ts'
import { sweepEnded } from './keyring/rows.ts'
import { sealerOn } from './keyring/sealer.ts'

/** What the slices of memory are given; built once from the platform, never imported as a value by a slice. */
export interface MemoryParts {
  readonly config: MemoryConfig
  readonly db: Database
  readonly eventStore: EventStore
  readonly handle: Handle
  readonly keyring: Keyring
  readonly sealer: Sealer
  readonly client: ServiceClient
  readonly relay: OutboxRelay
  readonly clock: Clock
  readonly log: Log
}

export async function parts({ config, db, eventStore, client, relay, clock, log }: Wiring<MemoryConfig>): Promise<MemoryParts> {
  const master = await keyFromFile('MEMORY_MASTER_KEY_FILE', config.masterKeyFile)
  await requireSameKey(db, 'memory', 'MEMORY_MASTER_KEY_FILE', master)
  await sweepEnded(db)
  await openWellKnown({ eventStore, clock, config })
  const keyring = new Keyring(db, master)
  const sealer = sealerOn(keyring)
  return { config, db, eventStore, handle: handleOn(eventStore, { clock, sealer }), keyring, sealer, client, relay, clock, log }
}
