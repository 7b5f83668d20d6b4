import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  consistencyProof,
  EMPTY_ROOT,
  type Frontier,
  grown,
  inclusionProof,
  leafHash,
  type NodeAt,
  nodeHash,
  rangeRoot,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from './tree.ts'

// The example of RFC 6962's reference implementation: eight leaves and the roots of their prefixes.
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const leavesOf = (count: number) => Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)))
const frontierOf = (leaves: readonly Buffer[]) => leaves.reduce<Frontier>((frontier, leaf, size) => grown(frontier, size, leaf), [])

/** The nodes of a tree, each computed once. */
function nodesOf(leaves: readonly Buffer[]): NodeAt {
  const known = new Map<string, Buffer>()
  const node = (level: number, index: number): Buffer => {
    const key = `${level}/${index}`
    const hash = known.get(key) ?? (level === 0 ? (leaves[index] ?? Buffer.alloc(0)) : nodeHash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1)))
    known.set(key, hash)
    return hash
  }
  return node
}

test('an empty log has the hash of nothing', () => {
  expect(rootOf([])).toEqual(createHash('sha256').digest())
  expect(rootOf([])).toEqual(EMPTY_ROOT)
})

test('the roots are those of RFC 6962', () => {
  const leaves = LEAVES.map((hex) => leafHash(Buffer.from(hex, 'hex')))
  expect(leaves.map((_, index) => rootOf(frontierOf(leaves.slice(0, index + 1))).toString('hex'))).toEqual(ROOTS)
})

test('a root from the frontier is the root from the nodes, for every size up to 300', async () => {
  const leaves = leavesOf(300)
  let frontier: Frontier = []
  for (const [size, leaf] of leaves.entries()) {
    frontier = grown(frontier, size, leaf)
    expect(rootOf(frontier)).toEqual(await rangeRoot(0, size + 1, nodesOf(leaves)))
  }
})

describe('proofs', () => {
  const leaves = leavesOf(70)
  const node = nodesOf(leaves)
  const rootAt = (size: number) => rangeRoot(0, size, node)

  test('every leaf is in every log that holds it, and no other leaf is', async () => {
    for (let size = 1; size <= leaves.length; size++) {
      const root = await rootAt(size)
      for (let index = 0; index < size; index++) {
        const proof = await inclusionProof(index, size, node)
        expect(verifyInclusion(leaves[index] ?? Buffer.alloc(0), index, size, proof, root)).toBe(true)
        expect(verifyInclusion(leafHash(Buffer.from('other')), index, size, proof, root)).toBe(false)
      }
    }
  })

  test('every log begins with every shorter one', async () => {
    for (let newer = 0; newer <= leaves.length; newer++) {
      for (let older = 0; older <= newer; older++) {
        const proof = await consistencyProof(older, newer, node)
        expect(verifyConsistency({ size: older, root: await rootAt(older) }, { size: newer, root: await rootAt(newer) }, proof)).toBe(true)
      }
    }
  })

  test('a log whose past was changed is not consistent', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 10 }), fc.nat(), async (older, more, at) => {
        const changed = leaves.with(at % older, leafHash(Buffer.from('changed')))
        const other = nodesOf(changed)
        const proof = await consistencyProof(older, older + more, other)
        expect(
          verifyConsistency({ size: older, root: await rootAt(older) }, { size: older + more, root: await rangeRoot(0, older + more, other) }, proof),
        ).toBe(false)
      }),
      { numRuns: 100 },
    ))
})
