// Sealing of free text: AES-256-GCM under a key that can be destroyed, so that history stays and the text is gone. What a text
// belongs to (engagement, object, event) is bound to it as additional data: moved elsewhere it does not open. Source: NIST SP
// 800-38D; nonces are 96 random bits, so one key seals far fewer than 2^32 texts.
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { canonicalJson, type JsonObject, Terminal } from '@loomworks/kernel'
import { z } from 'zod'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32

const Base64Url = z.string().regex(/^[A-Za-z0-9_-]*$/)
export const Sealed = z.strictObject({ alg: z.literal('A256GCM'), kid: z.string().optional(), nonce: Base64Url, tag: Base64Url, data: Base64Url })
/** Ciphertext as JSON, its parts base64url. `kid` names the key where the reader cannot know it. */
export type Sealed = Readonly<z.output<typeof Sealed>>

/** A data key under a holder's key. `check` tells a wrong holder key from a damaged wrap. */
export interface WrappedKey {
  readonly sealed: Sealed
  readonly check: string
}

/** What a text belongs to, in a fixed order. */
export type Belonging = readonly string[]

export function newKey(): Buffer {
  return randomBytes(KEY_BYTES)
}

export function sealJson(key: Uint8Array, belonging: Belonging, value: JsonObject, kid?: string): Sealed {
  return sealBytes(key, belonging, Buffer.from(JSON.stringify(value), 'utf8'), kid)
}

/** Throws Terminal `sealing.unreadable` where key, belonging or ciphertext are not those of the sealing. */
export function openJson(key: Uint8Array, belonging: Belonging, sealed: unknown): JsonObject {
  return JSON.parse(openBytes(key, belonging, sealed).toString('utf8')) as JsonObject
}

/** A data key, encrypted under a holder's key. */
export function wrapKey(holderKey: Uint8Array, belonging: Belonging, key: Uint8Array): WrappedKey {
  return { sealed: sealBytes(holderKey, belonging, key), check: keyCheck(holderKey) }
}

/** Throws Terminal `sealing.wrong_key` for another holder's key, `sealing.unreadable` for a damaged or moved wrap. */
export function unwrapKey(holderKey: Uint8Array, belonging: Belonging, { sealed, check }: WrappedKey): Buffer {
  if (!isKeyOf(holderKey, check)) throw new Terminal('sealing.wrong_key', 'the key was wrapped under another key')
  return openBytes(holderKey, belonging, sealed)
}

/** A value stored beside what a key protects, by which the key is known again; it tells nothing about the key. 16 hex digits. */
export function keyCheck(key: Uint8Array): string {
  return createHmac('sha256', checked(key)).update('loomworks key check').digest('hex').slice(0, 16)
}

export function isKeyOf(key: Uint8Array, check: string): boolean {
  const own = Buffer.from(keyCheck(key))
  const other = Buffer.from(check)
  return own.length === other.length && timingSafeEqual(own, other)
}

function sealBytes(key: Uint8Array, belonging: Belonging, clear: Uint8Array, kid?: string): Sealed {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, checked(key), nonce, { authTagLength: TAG_BYTES }).setAAD(additional(belonging))
  const data = Buffer.concat([cipher.update(clear), cipher.final()])
  return { alg: 'A256GCM', ...(kid !== undefined && { kid }), nonce: text(nonce), tag: text(cipher.getAuthTag()), data: text(data) }
}

function openBytes(key: Uint8Array, belonging: Belonging, sealed: unknown): Buffer {
  try {
    const { nonce, tag, data } = Sealed.parse(sealed)
    const decipher = createDecipheriv(CIPHER, checked(key), bytes(nonce), { authTagLength: TAG_BYTES }).setAAD(additional(belonging))
    decipher.setAuthTag(bytes(tag))
    return Buffer.concat([decipher.update(bytes(data)), decipher.final()])
  } catch (cause) {
    throw new Terminal('sealing.unreadable', 'the text does not open under this key and in this place', { cause })
  }
}

/** Canonical, so that no two belongings have one text. */
function additional(belonging: Belonging): Buffer {
  return Buffer.from(canonicalJson(belonging), 'utf8')
}

function checked(key: Uint8Array): Uint8Array {
  if (key.length !== KEY_BYTES) throw new Terminal('sealing.bad_key', `a key has ${KEY_BYTES} bytes`)
  return key
}

function text(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64url')
}

function bytes(value: string): Buffer {
  return Buffer.from(value, 'base64url')
}
