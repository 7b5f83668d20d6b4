// Puts everything that is sealed under the former key-encryption key under the new one, while the service runs with both. A row that changes
// meanwhile is met again in the next round. Once a whole round finds nothing, the deployment is of the new key, and the former file may go; where
// this dies before, it is run again.
import { Terminal } from '@loomworks/kernel'
import { changeKey, keyFromFile, requireKeyChange } from '@loomworks/service-kit'
import { type Database, exec, ident, many, type Sql, sql } from '@loomworks/sql'
import { z } from 'zod'
import { type KeyLabel, type Keyring, keyringOf } from './keyring.ts'
import { dekBinding, rootBinding, signingBinding, totpBinding } from './sealings.ts'

interface Sealing {
  readonly table: string
  readonly key: string
  readonly column: string
  readonly label: KeyLabel
  boundTo(key: string): string
}

/** Every column that is sealed under the key-encryption key; a test seals one of each and compares with the columns there are. */
export const SEALINGS: readonly Sealing[] = [
  { table: 'totp_factors', key: 'person_id', column: 'secret_sealed', label: 'totp', boundTo: (id) => totpBinding('person', id) },
  { table: 'totp_offers', key: 'person_id', column: 'secret_sealed', label: 'totp', boundTo: (id) => totpBinding('offer', id) },
  { table: 'enrolment_tokens', key: 'id', column: 'totp_sealed', label: 'totp', boundTo: (id) => totpBinding('enrolment', id) },
  { table: 'pending_registrations', key: 'id', column: 'totp_sealed', label: 'totp', boundTo: (id) => totpBinding('registration', id) },
  { table: 'signing_keys', key: 'kid', column: 'private_sealed', label: 'signing', boundTo: signingBinding },
  { table: 'mail_log', key: 'key', column: 'sealed', label: 'mail', boundTo: (key) => key },
  { table: 'secrets', key: 'id', column: 'wrapped_dek', label: 'vault', boundTo: dekBinding },
  { table: 'subject_keys', key: 'person_id', column: 'wrapped', label: 'subject', boundTo: rootBinding },
]

const PAGE = 200
/** Instances with both keys seal under the new one, so the second round mostly finds nothing: only who has the former one alone keeps this going. */
const ROUNDS_MAX = 10
const SealedRow = z.object({ key: z.string(), bytes: z.instanceof(Buffer) })

export interface Rewrapped {
  readonly table: string
  readonly rows: number
}

/** Rewraps all there is and then names the new key as the deployment's. Terminal `key.*` where a file is not what it should be, where identity was
 *  not started with both keys before, and where something goes on to seal under the former one. */
export async function rewrap(db: Database, files: { readonly current: string; readonly former: string }): Promise<readonly Rewrapped[]> {
  const current = await keyFromFile('VAULT_KEK_FILE', files.current)
  const former = await keyFromFile('VAULT_KEK_FORMER_FILE', files.former)
  await requireKeyChange(db, 'identity', 'VAULT_KEK_FILE', current, former)
  const done = await rounds(db, keyringOf(current, { former }))
  await changeKey(db, 'identity', 'VAULT_KEK_FILE', current)
  return SEALINGS.map(({ table }) => ({ table, rows: done.get(table) ?? 0 }))
}

/** Goes over everything until nothing is found; gives the rows that were put under the new key, by table. */
async function rounds(db: Database, keyring: Keyring): Promise<ReadonlyMap<string, number>> {
  const done = new Map<string, number>()
  for (let round = 1; round <= ROUNDS_MAX; round++) {
    let found = 0
    for (const sealing of SEALINGS) {
      const met = await rewrapTable(db, keyring, sealing)
      found += met.found
      done.set(sealing.table, (done.get(sealing.table) ?? 0) + met.changed)
    }
    if (found === 0) return done
  }
  throw new Terminal('key.in_use', 'Something goes on to seal under the former key. Restart every identity with both keys, and run this again.')
}

interface Met {
  /** Rows that were not under the key in use. */
  readonly found: number
  /** Those of them that are now. */
  readonly changed: number
}

async function rewrapTable(db: Database, keyring: Keyring, sealing: Sealing): Promise<Met> {
  let [found, changed] = [0, 0]
  let after: string | undefined
  for (;;) {
    const page = await many(db, SealedRow, pageOf(sealing, after))
    for (const row of page) {
      const resealed = keyring.reseal(sealing.label, row.bytes, sealing.boundTo(row.key))
      if (resealed === undefined) continue
      found++
      changed += await replaced(db, sealing, row, resealed)
    }
    after = page.at(-1)?.key
    if (page.length < PAGE) return { found, changed }
  }
}

function pageOf({ table, key, column }: Sealing, after: string | undefined): Sql {
  return sql`select ${ident(key)}::text as key, ${ident(column)} as bytes
               from ${ident(`identity.${table}`)}
              where ${ident(column)} is not null and (${after ?? null}::text is null or ${ident(key)}::text > ${after ?? null})
              order by ${ident(key)}::text
              limit ${PAGE}`
}

/** 0 where the row changed since it was read, or is gone. */
function replaced(db: Database, { table, key, column }: Sealing, row: z.output<typeof SealedRow>, resealed: Buffer): Promise<number> {
  return exec(
    db,
    sql`update ${ident(`identity.${table}`)} set ${ident(column)} = ${resealed} where ${ident(key)}::text = ${row.key} and ${ident(column)} = ${row.bytes}`,
  )
}
