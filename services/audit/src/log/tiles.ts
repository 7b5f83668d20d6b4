// Where the tree is kept (C2SP tlog-tiles): a tile holds 256 hashes of a level that counts eight levels of the tree. Full tiles are
// written once; the growing one of level 0 are the last records themselves, that of a higher level is an edge row.
import { entryOf, leafHash, type NodeAt, nodeHash } from '@loomworks/foray'
import { type Db, exec, many, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'

const WIDTH = 256
const HEIGHT = 8
const HASH_BYTES = 32
const LEVELS = 8

const bytes = z.instanceof(Buffer)
const BytesRow = z.object({ bytes })
const ContentHashRow = z.object({ content_hash: bytes })

/** Puts new leaves, the first of them at index `size`, into the tiles. */
export async function growTiles(tx: Db, size: number, leaves: readonly Buffer[]): Promise<void> {
  let first = size
  let hashes = leaves
  for (let level = 0; level < LEVELS && hashes.length > 0; level++) {
    const before = await growing(tx, level, first)
    const all = [...before, ...hashes]
    const begin = first - before.length
    const full = Math.floor(all.length / WIDTH)
    await insertFull(tx, level, begin / WIDTH, all.slice(0, full * WIDTH))
    if (level > 0) await putEdge(tx, level, begin / WIDTH + full, all.slice(full * WIDTH))
    first = begin / WIDTH
    hashes = Array.from({ length: full }, (_, tile) => rootOfTile(all.slice(tile * WIDTH, (tile + 1) * WIDTH)))
  }
}

/** The hashes of a level's growing tile, up to index `next`. */
async function growing(tx: Db, level: number, next: number): Promise<readonly Buffer[]> {
  const width = next % WIDTH
  if (width === 0) return []
  if (level === 0) return leavesFrom(tx, next - width, next)
  const edge = await maybe(tx, BytesRow, sql`select bytes from audit.tile_edge where level = ${level}`)
  return split(edge?.bytes ?? Buffer.alloc(0))
}

async function leavesFrom(db: Db, from: number, to: number): Promise<readonly Buffer[]> {
  const rows = await many(db, ContentHashRow, sql`select content_hash from audit.record where log_index >= ${from} and log_index < ${to} order by log_index`)
  return rows.map(({ content_hash }) => leafHash(entryOf(content_hash)))
}

async function insertFull(tx: Db, level: number, first: number, hashes: readonly Buffer[]): Promise<void> {
  for (let tile = 0; tile * WIDTH < hashes.length; tile++) {
    const whole = Buffer.concat(hashes.slice(tile * WIDTH, (tile + 1) * WIDTH))
    await exec(tx, sql`insert into audit.leaf_tile (level, n, bytes) values (${level}, ${first + tile}, ${whole})`)
  }
}

async function putEdge(tx: Db, level: number, n: number, hashes: readonly Buffer[]): Promise<void> {
  await exec(
    tx,
    sql`insert into audit.tile_edge (level, n, bytes) values (${level}, ${n}, ${Buffer.concat(hashes)})
        on conflict (level) do update set n = excluded.n, bytes = excluded.bytes`,
  )
}

function split(whole: Buffer): readonly Buffer[] {
  return Array.from({ length: whole.length / HASH_BYTES }, (_, index) => whole.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES))
}

function rootOfTile(hashes: readonly Buffer[]): Buffer {
  let level = hashes
  while (level.length > 1) level = pairs(level)
  return level[0] ?? Buffer.alloc(0)
}

function pairs(level: readonly Buffer[]): readonly Buffer[] {
  return Array.from({ length: Math.floor(level.length / 2) }, (_, index) =>
    nodeHash(level[2 * index] ?? Buffer.alloc(0), level[2 * index + 1] ?? Buffer.alloc(0)),
  )
}

/** Nodes of the stored tree, each tile read once: what a proof is made of. */
export function storedNodes(db: Db): NodeAt {
  const tiles = new Map<string, Promise<readonly Buffer[]>>()
  const tileOf = (level: number, n: number) => {
    const key = `${level}/${n}`
    const known = tiles.get(key) ?? readTile(db, level, n)
    tiles.set(key, known)
    return known
  }
  return async (level, index) => {
    const tileLevel = Math.floor(level / HEIGHT)
    const span = 2 ** (level % HEIGHT)
    const first = index * span
    const hashes = await tileOf(tileLevel, Math.floor(first / WIDTH))
    return rootOfTile(hashes.slice(first % WIDTH, (first % WIDTH) + span))
  }
}

async function readTile(db: Db, level: number, n: number): Promise<readonly Buffer[]> {
  const full = await maybe(db, BytesRow, sql`select bytes from audit.leaf_tile where level = ${level} and n = ${n}`)
  if (full !== undefined) return split(full.bytes)
  if (level === 0) return leavesFrom(db, n * WIDTH, (n + 1) * WIDTH)
  const edge = await maybe(db, BytesRow, sql`select bytes from audit.tile_edge where level = ${level} and n = ${n}`)
  return split(edge?.bytes ?? Buffer.alloc(0))
}
