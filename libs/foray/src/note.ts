// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint): text that a person can read and any Ed25519 verifier can check.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

const ED25519 = 0x01
// RFC 8410: what stands before the 32 bytes of an Ed25519 key in PKCS #8 and in SubjectPublicKeyInfo.
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

export interface NoteSigner {
  readonly name: string
  /** `<name>+<key id>+<type and key, base64>`: what a verifier is given. */
  readonly verifierKey: string
  /** The text with its signature line. */
  sign(text: string): string
}

/** A signer of notes under a 32-byte Ed25519 seed. `name` has no space and no plus sign. */
export function noteSigner(name: string, seed: Uint8Array): NoteSigner {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI.length)
  const id = keyId(name, raw)
  return {
    name,
    verifierKey: `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.of(ED25519), raw]).toString('base64')}`,
    sign: (text) => `${text}\n— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), key)]).toString('base64')}\n`,
  }
}

/** The text of a note, when a signature of this verifier key is on it and holds; else undefined. */
export function openNote(note: string, verifierKey: string): string | undefined {
  const [name = '', , encoded = ''] = splitVerifierKey(verifierKey)
  const typed = Buffer.from(encoded, 'base64')
  if (typed.length !== 33 || typed[0] !== ED25519) return undefined
  const end = note.indexOf('\n\n')
  if (end < 0) return undefined
  const text = note.slice(0, end + 1)
  const lines = note.slice(end + 2).split('\n')
  const raw = typed.subarray(1)
  return lines.some((line) => isSignatureBy(line, text, { name, raw })) ? text : undefined
}

/** A name may hold no plus sign, but base64 may. */
function splitVerifierKey(verifierKey: string): readonly string[] {
  const [, name, id, key] = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey) ?? []
  return [name ?? '', id ?? '', key ?? '']
}

function isSignatureBy(line: string, text: string, { name, raw }: { readonly name: string; readonly raw: Buffer }): boolean {
  const [, signer, encoded = ''] = /^— (\S+) (\S+)$/.exec(line) ?? []
  const signature = Buffer.from(encoded, 'base64')
  if (signer !== name || signature.length !== 68 || !signature.subarray(0, 4).equals(keyId(name, raw))) return false
  return verify(null, Buffer.from(text), publicKey(raw), signature.subarray(4))
}

function publicKey(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' })
}

function keyId(name: string, raw: Uint8Array): Buffer {
  return createHash('sha256').update(`${name}\n`).update(Buffer.of(ED25519)).update(raw).digest().subarray(0, 4)
}

export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** The three lines of a checkpoint. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** Reads a checkpoint; undefined when the text is none. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [, origin, size, root = ''] = /^([^\n]+)\n(0|[1-9][0-9]*)\n([A-Za-z0-9+/]{43}=)\n$/.exec(text) ?? []
  return origin === undefined ? undefined : { origin, size: Number(size), root: Buffer.from(root, 'base64') }
}
