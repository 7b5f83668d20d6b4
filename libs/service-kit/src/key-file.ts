// Keys come from files. Each has a check value in the rows of its owner, so that a wrong or lost file is told before anything is read
// or written under it (architecture §12).
import { readFile } from 'node:fs/promises'
import { hmac256, sha256, Terminal } from '@loomworks/kernel'
import { type Db, exec, ident, one, sql } from '@loomworks/sql'
import { z } from 'zod'

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

/** Keeps the check value of a key in `<schema>.key_check` at the first start; at every other one refuses a key that is not the one data was
 *  written under (Terminal `key.wrong`). The first start with a former key beside the new one notes that the key is being changed: from then on
 *  data may be under both, so that until `changeKey` a start needs the same two (Terminal `key.changing`). */
export async function requireSameKey(db: Db, schema: string, setting: string, key: Uint8Array, former?: Uint8Array): Promise<void> {
  const table = ident(`${schema}.key_check`)
  const current = checkOf(setting, key)
  await exec(db, sql`insert into ${table} (name, check_value) values (${setting}, ${current}) on conflict (name) do nothing`)
  if (former !== undefined)
    await exec(
      db,
      sql`insert into ${table} (name, check_value)
          select ${nextOf(setting)}, ${current}
            from ${table}
           where name = ${setting} and check_value = ${checkOf(setting, former)} and check_value <> ${current}
             for share
          on conflict (name) do nothing`,
    )
  const noted = await notedIn(db, schema, setting)
  if (!fits(noted, setting, key, former)) throw refused(noted, setting)
}

/** Refuses to write under a new key what is under the former one before a start with both has begun it: Terminal `key.not_changing`; and any
 *  keys that do not fit, as `requireSameKey` does. A change that is done may be gone over again. */
export async function requireKeyChange(db: Db, schema: string, setting: string, key: Uint8Array, former: Uint8Array): Promise<void> {
  const noted = await notedIn(db, schema, setting)
  if (fits(noted, setting, key, former)) return
  if (noted.next !== null || noted.written !== checkOf(setting, former)) throw refused(noted, setting)
  throw new Terminal('key.not_changing', `Nothing was started with both keys yet. Set ${setting} and ${formerOf(setting)}, restart, and run this again.`)
}

/** From now on this is the key that data is written under, if it was being changed to this one. */
export async function changeKey(db: Db, schema: string, setting: string, key: Uint8Array): Promise<void> {
  const table = ident(`${schema}.key_check`)
  const current = checkOf(setting, key)
  await exec(
    db,
    sql`with reached as (
          delete from ${table} where name = ${nextOf(setting)} and check_value = ${current} returning check_value
        )
        update ${table} k set check_value = reached.check_value from reached where k.name = ${setting}`,
  )
}

const NotedRow = z.object({ written: z.string(), next: z.string().nullable() })
type Noted = z.output<typeof NotedRow>

/** The key data was written under, and the one it is being changed to. */
function notedIn(db: Db, schema: string, setting: string): Promise<Noted> {
  const table = ident(`${schema}.key_check`)
  return one(
    db,
    NotedRow,
    sql`select check_value as written, (select check_value from ${table} where name = ${nextOf(setting)}) as next
          from ${table}
         where name = ${setting}`,
  )
}

function fits({ written, next }: Noted, setting: string, key: Uint8Array, former?: Uint8Array): boolean {
  if (next === null) return written === checkOf(setting, key)
  return next === checkOf(setting, key) && former !== undefined && written === checkOf(setting, former)
}

function refused({ next }: Noted, setting: string): Terminal {
  if (next === null)
    return new Terminal('key.wrong', `${setting} is not the key this database was written under. Put the key back, or start with an empty database.`)
  return new Terminal(
    'key.changing',
    `${setting} is being changed, and data are under both keys. Keep the new one there and the former one in ${formerOf(setting)} until the change is done.`,
  )
}

function nextOf(setting: string): string {
  return `${setting}/next`
}

function formerOf(setting: string): string {
  return setting.replace(/_FILE$/, '_FORMER_FILE')
}

function checkOf(setting: string, key: Uint8Array): string {
  return sha256(`${setting}/${hmac256(key, 'check value')}`)
}
