import type { Bus } from '@loomworks/bus'
import { type NoteSigner, noteSigner } from '@loomworks/foray'
import { type Clock, hmac256 } from '@loomworks/kernel'
import { keyFromFile, type Log, requireSameKey, type ServiceMetrics, type Wiring } from '@loomworks/service-kit'
import type { Database } from '@loomworks/sql'
import type { AuditConfig } from './config.ts'
import { originOfLog } from './log/origin.ts'
import { Sequencer } from './log/sequencer.ts'

/** What the slices of audit are given; built once from the platform, never imported as a value by a slice. */
export interface AuditParts {
  readonly config: AuditConfig
  readonly db: Database
  readonly bus: Bus
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ServiceMetrics
  readonly signer: NoteSigner
  readonly sequencer: Sequencer
  /** An entity as it stands in rows that outlive every name: an HMAC. */
  readonly entityHash: (service: string, entity: string) => Buffer
}

export async function parts({ config, db, bus, clock, log, metrics }: Wiring<AuditConfig>): Promise<AuditParts> {
  const key = await keyFromFile('AUDIT_KEY_FILE', config.keyFile)
  await requireSameKey(db, 'audit', 'AUDIT_KEY_FILE', key)
  const signer = noteSigner(await originOfLog(db, config.publicHost), key)
  const pepper = Buffer.from(hmac256(key, 'entity hash'), 'hex')
  return {
    config,
    db,
    bus,
    clock,
    log,
    metrics,
    signer,
    sequencer: new Sequencer({ db, signer, clock, log }),
    entityHash: (service, entity) => Buffer.from(hmac256(pepper, `${service}/${entity}`), 'hex'),
  }
}
