// Commitments (audit page §2): SHA-256 over a domain byte, a random salt of 16 bytes and the canonical JSON. With the salt gone a
// commitment says nothing; with it, everything can be checked.
import { randomBytes } from 'node:crypto'
import { canonicalJson, type JsonObject } from '@loomworks/kernel'
import type { Body, Draft, Head } from './record.ts'
import { sha256 } from './sha256.ts'

const PART = 0x02
const HEAD = 0x03
const CONTENT = Buffer.of(0x04)
const ENTRY = Buffer.of(0x01)
const SALT_BYTES = 16

export interface Committed extends Body {
  readonly n: number
  readonly salt: Buffer
  readonly commitment: Buffer
}

export interface CommittedRecord {
  readonly head: Head
  readonly headSalt: Buffer
  readonly parts: readonly Committed[]
  /** What the log entry holds. */
  readonly contentHash: Buffer
}

/** Commits to every part of a record under fresh salts. */
export function commit({ head, parts }: Draft, salt: () => Buffer = freshSalts(parts.length + 1)): CommittedRecord {
  const headSalt = salt()
  const committed = parts.map((part, n): Committed => {
    const own = salt()
    return { ...part, n, salt: own, commitment: partCommitment(own, part.body) }
  })
  const contentHash = contentHashOf(
    headCommitment(headSalt, head),
    committed.map(({ commitment }) => commitment),
  )
  return { head, headSalt, parts: committed, contentHash }
}

/** As many salts, out of one draw: the kernel is asked once for a record. */
function freshSalts(count: number): () => Buffer {
  const drawn = randomBytes(count * SALT_BYTES)
  let next = -SALT_BYTES
  return () => {
    next += SALT_BYTES
    return drawn.subarray(next, next + SALT_BYTES)
  }
}

export function partCommitment(salt: Uint8Array, body: Body['body']): Buffer {
  return salted(PART, salt, canonicalJson(body as unknown as JsonObject))
}

export function headCommitment(salt: Uint8Array, head: Head): Buffer {
  return salted(HEAD, salt, canonicalJson(head as unknown as JsonObject))
}

export function contentHashOf(head: Uint8Array, parts: readonly Uint8Array[]): Buffer {
  return sha256(Buffer.concat([CONTENT, head, ...parts]))
}

/** The 33 bytes of the log: a record's content hash and nothing else, so a public log shows count and pace alone. */
export function entryOf(contentHash: Uint8Array): Buffer {
  return Buffer.concat([ENTRY, contentHash])
}

/** One call over one piece of memory: for texts of this size that costs a third of a hash that is fed piece by piece. */
function salted(domain: number, salt: Uint8Array, text: string): Buffer {
  const start = 1 + salt.length
  const piece = Buffer.allocUnsafe(start + Buffer.byteLength(text))
  piece[0] = domain
  piece.set(salt, 1)
  piece.write(text, start)
  return sha256(piece)
}
