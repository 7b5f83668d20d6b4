// The Merkle tree of RFC 6962 §2 over log entries. A log of any size is its frontier: one hash for each full subtree, left to right.
import { sha256 } from './sha256.ts'

const LEAF = Buffer.of(0x00)
const NODE = Buffer.of(0x01)

export const EMPTY_ROOT: Buffer = sha256('')

export function leafHash(entry: Uint8Array): Buffer {
  return sha256(Buffer.concat([LEAF, entry]))
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return sha256(Buffer.concat([NODE, left, right]))
}

/** Full subtrees of a log, the largest first: one for each set bit of the size. */
export type Frontier = readonly Buffer[]

/** The frontier with one more leaf. */
export function grown(frontier: Frontier, size: number, leaf: Buffer): Frontier {
  const next = [...frontier]
  let node = leaf
  for (let bits = size; bits % 2 === 1; bits = Math.floor(bits / 2)) node = nodeHash(next.pop() ?? missing(), node)
  next.push(node)
  return next
}

/** The root hash of a log with this frontier. */
export function rootOf(frontier: Frontier): Buffer {
  if (frontier.length === 0) return EMPTY_ROOT
  return frontier.reduceRight((right, left) => nodeHash(left, right))
}

/** A node of the tree: the root of the full subtree of 2^level leaves that begins at leaf index · 2^level. */
export type NodeAt = (level: number, index: number) => Buffer | Promise<Buffer>

/** The root of the leaves [from, to), out of full subtrees. */
export async function rangeRoot(from: number, to: number, node: NodeAt): Promise<Buffer> {
  const count = to - from
  if (count === 0) return EMPTY_ROOT
  const level = Math.floor(Math.log2(count))
  if (2 ** level === count && from % count === 0) return node(level, from / count)
  const split = splitOf(count)
  return nodeHash(await rangeRoot(from, from + split, node), await rangeRoot(from + split, to, node))
}

/** Proof that leaf `index` is in the log of `size` leaves (RFC 6962 §2.1.1). */
export async function inclusionProof(index: number, size: number, node: NodeAt): Promise<readonly Buffer[]> {
  return pathIn(index, 0, size, node)
}

async function pathIn(index: number, from: number, to: number, node: NodeAt): Promise<readonly Buffer[]> {
  const count = to - from
  if (count <= 1) return []
  const split = splitOf(count)
  if (index - from < split) return [...(await pathIn(index, from, from + split, node)), await rangeRoot(from + split, to, node)]
  return [...(await pathIn(index, from + split, to, node)), await rangeRoot(from, from + split, node)]
}

/** Is the leaf at this index of a log with this size and root? */
export function verifyInclusion(leaf: Buffer, index: number, size: number, proof: readonly Buffer[], root: Buffer): boolean {
  if (index >= size) return false
  let at = index
  let last = size - 1
  let node = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      node = nodeHash(sibling, node)
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2)
        last = Math.floor(last / 2)
      }
    } else node = nodeHash(node, sibling)
    at = Math.floor(at / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && node.equals(root)
}

/** Proof that the log of `newer` leaves begins with the log of `older` (RFC 6962 §2.1.2). */
export async function consistencyProof(older: number, newer: number, node: NodeAt): Promise<readonly Buffer[]> {
  return older === 0 || older === newer ? [] : subproof(older, 0, newer, true, node)
}

async function subproof(older: number, from: number, to: number, whole: boolean, node: NodeAt): Promise<readonly Buffer[]> {
  if (older === to) return whole ? [] : [await rangeRoot(from, to, node)]
  const split = from + splitOf(to - from)
  if (older <= split) return [...(await subproof(older, from, split, whole, node)), await rangeRoot(split, to, node)]
  return [...(await subproof(older, split, to, false, node)), await rangeRoot(from, split, node)]
}

interface Sized {
  readonly size: number
  readonly root: Buffer
}

/** Is the older log the beginning of the newer one? */
export function verifyConsistency(older: Sized, newer: Sized, proof: readonly Buffer[]): boolean {
  if (older.size > newer.size) return false
  if (older.size === newer.size) return proof.length === 0 && older.root.equals(newer.root)
  if (older.size === 0) return proof.length === 0 && older.root.equals(EMPTY_ROOT)
  const path = Number.isInteger(Math.log2(older.size)) ? [older.root, ...proof] : [...proof]
  const first = path.shift()
  if (first === undefined) return false
  let at = older.size - 1
  let last = newer.size - 1
  for (; at % 2 === 1; at = Math.floor(at / 2)) last = Math.floor(last / 2)
  let oldHash = first
  let newHash = first
  for (const sibling of path) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      oldHash = nodeHash(sibling, oldHash)
      newHash = nodeHash(sibling, newHash)
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2)
        last = Math.floor(last / 2)
      }
    } else newHash = nodeHash(newHash, sibling)
    at = Math.floor(at / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && oldHash.equals(older.root) && newHash.equals(newer.root)
}

/** The largest power of two below a count. */
function splitOf(count: number): number {
  return 2 ** Math.ceil(Math.log2(count) - 1)
}

function missing(): never {
  throw new Error('the frontier does not fit the size of the log')
}
