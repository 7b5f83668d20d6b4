// Recovery codes: ten of 120 bits each, shown once. At that length a fast keyed hash is enough, and nobody can exhaust the
// processor with guesses.
import { randomInt } from 'node:crypto'
import type { Keyring } from './keyring.ts'

const CODES = 10
const LENGTH = 24
const GROUP = 4
/** Crockford's base 32: no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Ten fresh codes as they are shown: six groups of four, joined by `-`. */
export function newRecoveryCodes(): readonly string[] {
  return Array.from({ length: CODES }, () => grouped(Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')))
}

function grouped(code: string): string {
  return code.match(new RegExp(`.{${GROUP}}`, 'g'))?.join('-') ?? code
}

/** A code as it is hashed, whatever way it was typed: case folded, separators dropped, `O` read as 0, `I` and `L` as 1. */
export function plainRecoveryCode(typed: string): string {
  return typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
}

/** What is stored of a code: HMAC-SHA-256 under the server's recovery key, hex. */
export function recoveryDigest(keyring: Keyring, code: string): string {
  return keyring.mac('recovery', plainRecoveryCode(code))
}
