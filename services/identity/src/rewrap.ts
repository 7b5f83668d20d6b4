// Puts everything that is sealed under the former key-encryption key under the new one, while the service runs: a row that changes meanwhile is
// met again in the next round. Once nothing is left, the deployment is of the new key, and the former file may go.
import { changeKey, keyFromFile } from '@loomworks/service-kit'
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
const SealedRow = z.object({ key: z.string(), bytes: z.instanceof(Buffer) })

export interface Rewrapped {
  readonly table: string
  readonly rows: number
}

/** Rewraps all there is and then names the new key as the deployment's. Terminal `key.*` where a file is not what it should be. */
export async function rewrap(db: Database, files: { readonly current: string; readonly former: string }): Promise<readonly Rewrapped[]> {
  const current = await keyFromFile('VAULT_KEK_FILE', files.current)
  const keyring = keyringOf(current, { former: await keyFromFile('VAULT_KEK_FORMER_FILE', files.former) })
  const done: Rewrapped[] = []
  for (const sealing of SEALINGS) done.push({ table: sealing.table, rows: await rewrapTable(db, keyring, sealing) })
  await changeKey(db, 'identity', 'VAULT_KEK_FILE', current)
  return done
}

async function rewrapTable(db: Database, keyring: Keyring, sealing: Sealing): Promise<number> {
  let rows = 0
  let after: string | undefined
  for (;;) {
    const page = await many(db, SealedRow, pageOf(sealing, after))
    for (const row of page) if (await rewrapRow(db, keyring, sealing, row)) rows++
    after = page.at(-1)?.key
    if (page.length < PAGE) return rows
  }
}

function pageOf({ table, key, column }: Sealing, after: string | undefined): Sql {
  return sql`select ${ident(key)}::text as key, ${ident(column)} as bytes
               from ${ident(`identity.${table}`)}
              where ${ident(column)} is not null and (${after ?? null}::text is null or ${ident(key)}::text > ${after ?? null})
              order by ${ident(key)}::text
              limit ${PAGE}`
}

/** A row that was sealed anew by the service itself is under the new key already. */
async function rewrapRow(db: Database, keyring: Keyring, { table, key, column, label, boundTo }: Sealing, row: z.output<typeof SealedRow>): Promise<boolean> {
  const resealed = keyring.reseal(label, row.bytes, boundTo(row.key))
  if (resealed === undefined) return false
  const changed = await exec(
    db,
    sql`update ${ident(`identity.${table}`)} set ${ident(column)} = ${resealed} where ${ident(key)}::text = ${row.key} and ${ident(column)} = ${row.bytes}`,
  )
  return changed === 1
}
