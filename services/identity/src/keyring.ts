// The key-encryption key and what is derived from it. One file, four labels (HKDF-SHA-256): what seals TOTP secrets cannot open
// a signing key. A check value in the database tells a wrong file before anything is read or written under it.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hmac256, sha256, Terminal } from '@loomworks/kernel'
import { type Db, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'

type KeyLabel = 'totp' | 'recovery' | 'signing' | 'vault'

export interface Keyring {
  /** Names the file in use, so that a row says which one opens it. Not secret. */
  readonly keyId: string
  /** AES-256-GCM: nonce, ciphertext, tag. `bound` is what the bytes belong to: they open under the same words alone. */
  seal(label: KeyLabel, plain: Uint8Array, bound: string): Buffer
  /** Throws when the bytes were changed, moved to another row, or sealed under another file. */
  open(label: KeyLabel, sealed: Uint8Array, bound: string): Buffer
  /** HMAC-SHA-256 under the label's key, hex. */
  mac(label: KeyLabel, text: string): string
}

const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32

export function keyringOf(kek: Uint8Array): Keyring {
  const keyOf = (label: KeyLabel) => Buffer.from(hkdfSync('sha256', kek, '', label, KEY_BYTES))
  const keys: Readonly<Record<KeyLabel, Buffer>> = { totp: keyOf('totp'), recovery: keyOf('recovery'), signing: keyOf('signing'), vault: keyOf('vault') }
  return {
    keyId: keyIdOf(kek),
    seal: (label, plain, bound) => sealed(keys[label], plain, bound),
    open: (label, bytes, bound) => opened(keys[label], bytes, bound),
    mac: (label, text) => hmac256(keys[label], text),
  }
}

function sealed(key: Buffer, plain: Uint8Array, bound: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(bound))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function opened(key: Buffer, bytes: Uint8Array, bound: string): Buffer {
  const whole = Buffer.from(bytes)
  const decipher = createDecipheriv('aes-256-gcm', key, whole.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(bound))
  decipher.setAuthTag(whole.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(whole.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
}

function keyIdOf(key: Uint8Array): string {
  return hmac256(key, 'key id').slice(0, 16)
}

/** The 32 bytes of a key file (base64url). Terminal `key.missing` or `key.malformed` with the sentence to show. */
export async function keyFromFile(setting: string, file: string): Promise<Buffer> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Terminal('key.missing', `${setting} names a file that cannot be read. Put the key back where it was, or name the right file.`, { cause })
  })
  const key = Buffer.from(text.trim(), 'base64url')
  if (key.length !== KEY_BYTES) throw new Terminal('key.malformed', `${setting} names a file that does not hold ${KEY_BYTES} bytes as base64url.`)
  return key
}

/** Keeps the check value of a key at the first start; at every other one refuses a key that is not the one data was written
 *  under (Terminal `key.wrong`). */
export async function requireSameKey(db: Db, setting: string, key: Uint8Array): Promise<void> {
  const check = sha256(`${setting}/${hmac256(key, 'check value')}`)
  await exec(db, sql`insert into identity.key_check (name, check_value) values (${setting}, ${check}) on conflict (name) do nothing`)
  const { check_value } = await one(db, z.object({ check_value: z.string() }), sql`select check_value from identity.key_check where name = ${setting}`)
  if (check_value !== check)
    throw new Terminal('key.wrong', `${setting} is not the key this database was written under. Put the key back, or start with an empty database.`)
}
