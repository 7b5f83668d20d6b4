// The key-encryption key and what is derived from it. One file, a label each for what it protects (HKDF-SHA-256): what seals TOTP secrets cannot open
// a signing key.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { hmac256 } from '@loomworks/kernel'

const LABELS = ['totp', 'recovery', 'signing', 'tool', 'mail'] as const
type KeyLabel = (typeof LABELS)[number]

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
  const keys = Object.fromEntries(LABELS.map((label) => [label, Buffer.from(hkdfSync('sha256', kek, '', label, KEY_BYTES))])) as Readonly<
    Record<KeyLabel, Buffer>
  >
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
