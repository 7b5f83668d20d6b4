// The key-encryption key and what is derived from it. One file, a label each for what it protects (HKDF-SHA-256): what seals TOTP secrets cannot open
// a signing key. While the key is being changed the former one still opens; only the new one seals.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { hmac256 } from '@loomworks/kernel'

const LABELS = ['totp', 'recovery', 'signing', 'tool', 'mail', 'vault', 'subject'] as const
export type KeyLabel = (typeof LABELS)[number]

export interface Keyring {
  /** Names the file in use, so that a row says which one opens it. Not secret. */
  readonly keyId: string
  /** AES-256-GCM: nonce, ciphertext, tag. `bound` is what the bytes belong to: they open under the same words alone. */
  seal(label: KeyLabel, plain: Uint8Array, bound: string): Buffer
  /** Throws when the bytes were changed, moved to another row, or sealed under a file that is gone. */
  open(label: KeyLabel, sealed: Uint8Array, bound: string): Buffer
  /** The same under the key in use; undefined where they are already. */
  reseal(label: KeyLabel, sealed: Uint8Array, bound: string): Buffer | undefined
  /** HMAC-SHA-256 under the label's key, hex. */
  mac(label: 'recovery' | 'tool', text: string): string
}

const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32

export interface OtherKeys {
  /** The key-encryption key before this one, while it is being changed. */
  readonly former?: Uint8Array | undefined
  /** What recovery codes are digested under: a digest cannot be sealed anew, so its key must not change with the other. */
  readonly digests?: Uint8Array
}

export function keyringOf(kek: Uint8Array, { former, digests = kek }: OtherKeys = {}): Keyring {
  const keys = derived(kek)
  const opening = [keys, ...(former === undefined ? [] : [derived(former)])]
  const digesting = derived(digests).recovery
  const open = (label: KeyLabel, bytes: Uint8Array, bound: string) => firstOf(opening, (each) => unsealed(each[label], bytes, bound))
  return {
    keyId: keyIdOf(kek),
    seal: (label, plain, bound) => sealed(keys[label], plain, bound),
    open,
    reseal: (label, bytes, bound) => (opens(keys[label], bytes, bound) ? undefined : sealed(keys[label], open(label, bytes, bound), bound)),
    mac: (label, text) => hmac256(label === 'recovery' ? digesting : keys[label], text),
  }
}

type Keys = Readonly<Record<KeyLabel, Buffer>>

function derived(kek: Uint8Array): Keys {
  return Object.fromEntries(LABELS.map((label) => [label, Buffer.from(hkdfSync('sha256', kek, '', label, KEY_BYTES))])) as unknown as Keys
}

/** What the first key gives that opens; throws what the last one threw. */
function firstOf(keys: readonly Keys[], open: (keys: Keys) => Buffer): Buffer {
  for (const each of keys.slice(0, -1)) {
    try {
      return open(each)
    } catch {
      // Sealed under the other one.
    }
  }
  const last = keys.at(-1)
  if (last === undefined) throw new Error('a keyring has a key')
  return open(last)
}

function opens(key: Buffer, bytes: Uint8Array, bound: string): boolean {
  try {
    unsealed(key, bytes, bound)
    return true
  } catch {
    return false
  }
}

/** AES-256-GCM under a key of its own: nonce, ciphertext, tag. */
export function sealed(key: Uint8Array, plain: Uint8Array, bound: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(bound))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Throws when the bytes were changed, are bound to something else, or were sealed under another key. */
export function unsealed(key: Uint8Array, bytes: Uint8Array, bound: string): Buffer {
  const whole = Buffer.from(bytes)
  const decipher = createDecipheriv('aes-256-gcm', key, whole.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(bound))
  decipher.setAuthTag(whole.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(whole.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
}

function keyIdOf(key: Uint8Array): string {
  return hmac256(key, 'key id').slice(0, 16)
}
