// Keys come from files. Each has a check value in the rows of its owner, so that a wrong or lost file is told before anything is read
// or written under it (architecture §12).
import { readFile } from 'node:fs/promises'
import { hmac256, sha256, Terminal } from '@loomworks/kernel'
import { type Db, exec, ident, one, sql } from '@loomworks/sql'
import { z } from 'zod'

const CheckValueRow = z.object({ check_value: z.string() })

const KEY_BYTES = 32

/** The 32 bytes of a key file (base64url). Terminal `key.missing` or `key.malformed` with the sentence to show. */
export async function keyFromFile(setting: string, file: string): Promise<Buffer> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Terminal('key.missing', `${setting} names a file that cannot be read. Put the key back where it was, or name the right file.`, { cause })
  })
  const key = Buffer.from(text.trim(), 'base64url')
  if (key.length !== KEY_BYTES) throw new Terminal('key.malformed', `${setting} names a file that does not hold ${KEY_BYTES} bytes as base64url.`)
  return key
}

/** Keeps the check value of a key in `<schema>.key_check` at the first start; at every other one refuses a key that is not the one
 *  data was written under (Terminal `key.wrong`). While a key is being changed the former one is the one that was written under. */
export async function requireSameKey(db: Db, schema: string, setting: string, key: Uint8Array, former?: Uint8Array): Promise<void> {
  const table = ident(`${schema}.key_check`)
  await exec(db, sql`insert into ${table} (name, check_value) values (${setting}, ${checkOf(setting, key)}) on conflict (name) do nothing`)
  const { check_value } = await one(db, CheckValueRow, sql`select check_value from ${table} where name = ${setting}`)
  const known = [key, ...(former === undefined ? [] : [former])]
  if (!known.some((each) => checkOf(setting, each) === check_value))
    throw new Terminal('key.wrong', `${setting} is not the key this database was written under. Put the key back, or start with an empty database.`)
}

/** From now on this is the key that data is written under. */
export async function changeKey(db: Db, schema: string, setting: string, key: Uint8Array): Promise<void> {
  await exec(db, sql`update ${ident(`${schema}.key_check`)} set check_value = ${checkOf(setting, key)} where name = ${setting}`)
}

function checkOf(setting: string, key: Uint8Array): string {
  return sha256(`${setting}/${hmac256(key, 'check value')}`)
}
