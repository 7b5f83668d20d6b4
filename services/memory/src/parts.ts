import type { OutboxRelay } from '@loomworks/bus'
import { type EventStore, type Handle, handleOn, type Sealer } from '@loomworks/event-store'
import type { Clock } from '@loomworks/kernel'
import { keyFromFile, type Log, type NamesOfPersons, namesOfPersons, requireSameKey, type ServiceClient, type Wiring } from '@loomworks/service-kit'
import type { Database } from '@loomworks/sql'
import type { MemoryConfig } from './config.ts'
import { openWellKnown } from './engagement/open-well-known/open.ts'
import { DisplayNumbers } from './engagement/take-numbers/numbers.ts'
import { type Feed, feedOf } from './feed.ts'
import { Kept } from './kept.ts'
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
  /** Whether what identity tells of memberships still comes. */
  readonly feed: Feed
  readonly names: NamesOfPersons
  /** What was added a moment ago, by the mark of its text. */
  readonly recent: Kept<string>
  /** What engagements are shown by. */
  readonly numbers: DisplayNumbers
  readonly relay: OutboxRelay
  readonly clock: Clock
  readonly log: Log
}

const RECENT_MS = 10_000

export async function parts({ config, db, eventStore, client, relay, clock, log }: Wiring<MemoryConfig>): Promise<MemoryParts> {
  const master = await keyFromFile('MEMORY_MASTER_KEY_FILE', config.masterKeyFile)
  await requireSameKey(db, 'memory', 'MEMORY_MASTER_KEY_FILE', master)
  await sweepEnded(db)
  await openWellKnown({ eventStore, clock, sandbox: config.sandbox })
  const keyring = new Keyring(db, master)
  const sealer = sealerOn(keyring)
  const names = namesOfPersons(client, clock)
  const recent = new Kept<string>(10_000, RECENT_MS)
  const handle = handleOn(eventStore, { clock, sealer })
  const numbers = new DisplayNumbers({ handle, start: config.displayStart, block: config.displayBlock })
  return { config, db, eventStore, handle, numbers, keyring, sealer, client, feed: feedOf(db), names, recent, relay, clock, log }
}
