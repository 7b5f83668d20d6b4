import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { canonicalJson, type Json } from './json.ts'

/** SHA-256 as 64 lower-case hex digits. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex')
}

/** SHA-256 of the canonical JSON (RFC 8785) of a value, hex. */
export function hashOf(value: Json): string {
  return sha256(canonicalJson(value))
}

/** HMAC-SHA-256 under a key, hex. */
export function hmac256(key: Uint8Array, data: string | Uint8Array): string {
  return createHmac('sha256', key).update(data).digest('hex')
}

/** SHA-256 of the UTF-8 text of a token with its prefix (`lws_`, `lwa_`, `lwc_`, `lwo_`), base64url: the only form in which
 *  a token is stored or sent on. Also of a malformed text, so both take the same path. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** Compares two texts in a time that depends on their lengths alone. */
export function equalSecrets(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
