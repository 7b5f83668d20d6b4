// Tokens that only their holder knows: 256 random bits between a prefix that says what they open and a checksum, so that who finds one
// in a log can tell that it is one. What is stored of them is their hash.
import { randomBytes } from 'node:crypto'
import { sha256 } from '@loomworks/kernel'

const TOKEN_BYTES = 32
const CHECKSUM_LENGTH = 6

/** `<prefix>_`, 43 characters, `_`, 6 characters of checksum: a session's, an agent's, an invitation's, an enrolment's. */
export function newToken(prefix: 'lws' | 'lwa' | 'lwi' | 'lwe'): string {
  const secret = randomBytes(TOKEN_BYTES).toString('base64url')
  return `${prefix}_${secret}_${checksum(secret)}`
}

function checksum(secret: string): string {
  return sha256(secret).slice(0, CHECKSUM_LENGTH)
}
