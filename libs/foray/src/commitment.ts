// Commitments (audit page §2): SHA-256 over a domain byte, a random salt of 16 bytes and the canonical JSON. With the salt gone a
// commitment says nothing; with it, everything can be checked.
import { createHash, randomBytes } from 'node:crypto'
import { canonicalJson, type JsonObject } from '@loomworks/kernel'
import type { Body, Draft, Head } from './record.ts'

const PART = Buffer.of(0x02)
const HEAD = Buffer.of(0x03)
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
export function commit({ head, parts }: Draft, salt: () => Buffer = freshSalt): CommittedRecord {
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

function freshSalt(): Buffer {
  return randomBytes(SALT_BYTES)
}

export function partCommitment(salt: Uint8Array, body: Body['body']): Buffer {
  return sha256(PART, salt, canonicalJson(body as unknown as JsonObject))
}

export function headCommitment(salt: Uint8Array, head: Head): Buffer {
  return sha256(HEAD, salt, canonicalJson(head as unknown as JsonObject))
}

export function contentHashOf(head: Uint8Array, parts: readonly Uint8Array[]): Buffer {
  return sha256(CONTENT, head, ...parts)
}

/** The 33 bytes of the log: a record's content hash and nothing else, so a public log shows count and pace alone. */
export function entryOf(contentHash: Uint8Array): Buffer {
  return Buffer.concat([ENTRY, contentHash])
}

function sha256(...pieces: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest()
}
