// Time-based one-time passwords (RFC 6238 over RFC 4226): SHA-1, 6 digits, steps of 30 s, secrets of 160 bits.
import { createHmac, randomBytes } from 'node:crypto'
import { equalSecrets } from '@loomworks/kernel'

const STEP_MS = 30_000
const DIGITS = 6
const SECRET_BYTES = 20
/** Steps before and after the present one whose code is taken too. */
const WINDOW = 1
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export function newTotpSecret(): Buffer {
  return randomBytes(SECRET_BYTES)
}

/** Number of the 30-second step a moment lies in. */
export function stepAt(nowMs: number): number {
  return Math.floor(nowMs / STEP_MS)
}

/** The code of a step (RFC 4226 §5.3: dynamic truncation). */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const digest = createHmac('sha1', secret).update(counter).digest()
  const offset = digest.readUInt8(digest.length - 1) & 0x0f
  const number = (digest.readUInt32BE(offset) & 0x7f_ff_ff_ff) % 10 ** DIGITS
  return String(number).padStart(DIGITS, '0')
}

/** The step whose code this is, newest first, or undefined. Only steps after `lastStep` count: a code works once. */
export function matchingStep(secret: Uint8Array, code: string, nowMs: number, lastStep = -1): number | undefined {
  const present = stepAt(nowMs)
  let found: number | undefined
  for (let step = present - WINDOW; step <= present + WINDOW; step++) {
    // Every step is compared, so the time taken says nothing about which one it was.
    if (equalSecrets(totpCode(secret, step), code) && step > lastStep) found = step
  }
  return found
}

/** RFC 4648 base32 without padding, as authenticator apps take it. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31]
  }
  return bits > 0 ? text + BASE32[(held << (5 - bits)) & 31] : text
}

/** The key URI an authenticator app scans (Google Authenticator's key URI format). */
export function otpauthUri(secret: Uint8Array, issuer: string, account: string): string {
  const query = `secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${DIGITS}&period=${STEP_MS / 1000}`
  return `otpauth://totp/${encodeURIComponent(issuer)}:${encodeURIComponent(account)}?${query}`
}
