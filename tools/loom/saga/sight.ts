// The stores as the saga tool sees them without running services.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SAGAS } from '@loomworks/identity/definitions'
import { keyringOf } from '@loomworks/identity/keyring'
import { maskWith, type Sight } from '@loomworks/identity/saga-tool'
import { systemClock } from '@loomworks/kernel'
import { participantLog } from '@loomworks/sagas'
import { enginesOf, openBus, openEventStore } from '@loomworks/service-kit'
import { openDatabase } from '@loomworks/sql'
import { adminDatabaseUrl } from '../database.ts'

const DRAIN_MS = 1000

export async function withSight<T>(work: (sight: Sight) => Promise<T>): Promise<T> {
  const url = adminDatabaseUrl()
  const engines = enginesOf('migrate', process.env, { mayCreate: false })
  const open = (name: string) => openDatabase({ url, max: 2, applicationName: `loom ${name}`, onError: () => undefined })
  const pools = new Set([open('sagas')])
  const opening = {
    open: (name: string) => {
      const pool = open(name)
      pools.add(pool)
      return pool
    },
    onTrouble: () => undefined,
  }
  const [db] = pools
  const store = await openEventStore(engines, opening)
  const bus = await openBus(engines, { ...opening, onFailure: () => undefined })
  try {
    if (db === undefined) throw new Error('a pool was opened')
    return await work({
      db,
      store,
      bus,
      sagas: SAGAS,
      clock: systemClock,
      mask: maskWith(mac()),
      logOf: (service, sagaId) => participantLog(db, service, sagaId),
    })
  } finally {
    await bus.drain(DRAIN_MS)
    await store.close()
    await Promise.all([...pools].map((pool) => pool.close()))
  }
}

/** Digests are those of the deployment where its key can be read; else they are equal within one answer alone. */
function mac(): (text: string) => string {
  const file = process.env.VAULT_KEK_FILE ?? join(process.env.LOOMWORKS_HOME ?? '.loomworks', 'keys', 'vault.key')
  const key = existsSync(file) ? Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url') : randomBytes(32)
  const keyring = keyringOf(key)
  return (text) => keyring.mac('tool', text)
}
