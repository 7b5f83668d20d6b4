import { SessionOpened } from '@loomworks/contracts'
import {
  consistencyProof,
  entryOf,
  inclusionProof,
  leafHash,
  noteSigner,
  openNote,
  parseCheckpoint,
  verifyConsistency,
  verifyInclusion,
} from '@loomworks/foray'
import { newId } from '@loomworks/kernel'
import { exec, many, one, sql, sqlState } from '@loomworks/sql'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { auditBench, SEED } from '../audit-bench.ts'
import { sequenceBatch } from './sequence.ts'
import { signCheckpoint } from './sign.ts'
import { storedNodes } from './tiles.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await auditBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const AT = '2030-01-02T03:04:05.678Z'
const publish = (n: number) =>
  Promise.all(Array.from({ length: n }, () => bench.publish(SessionOpened, { personId: newId(), sessionId: newId(), amr: ['passkey'], newDevice: false })))
const State = z.object({ size: z.bigint().transform(Number), signed_size: z.bigint().transform(Number), origin: z.string() })
const state = () => one(bench.database.db, State, sql`select size, signed_size, origin from audit.log_state`)
const grownTo = (size: number) => eventually(async () => expect((await state()).size).toBe(size))
const signer = async () => noteSigner((await state()).origin, SEED)
const checkpointOf = async (note: string) =>
  parseCheckpoint(openNote(note, (await signer()).verifierKey) ?? '') ?? { origin: '', size: -1, root: Buffer.alloc(0) }
const signed = async () => {
  const { body } = await bench.stranger.get('/checkpoint', { headers: { authorization: `Bearer ${await anonymous()}` } })
  return checkpointOf(body as string)
}
const anonymous = () => bench.identity.token('audit', { actor: { kind: 'service', id: 'gateway' } })

test('before the first checkpoint there is none, and no policy', async () => {
  const guest = bench.as({ actor: { kind: 'service', id: 'gateway' } })
  for (const path of ['/checkpoint', '/checkpoint/policy']) expect(await guest.get(path)).toMatchObject({ status: 404, body: { code: 'checkpoint.unknown' } })
})

describe('the log', () => {
  test('has dense indices, and a checkpoint over all of it follows', async () => {
    await publish(300)
    await grownTo(300)
    const rows = await many(bench.database.db, z.object({ log_index: z.bigint() }), sql`select log_index from audit.record order by log_index`)
    expect(rows.map(({ log_index }) => Number(log_index))).toEqual(Array.from({ length: 300 }, (_, index) => index))
    await signCheckpoint(bench.database.db, await signer(), { at: AT, kind: 'flush' })
    expect(await signed()).toMatchObject({ size: 300 })
  })

  test('proves every record in it, from the stored tiles', async () => {
    const { size, root } = await signed()
    const nodes = storedNodes(bench.database.db)
    const rows = await many(
      bench.database.db,
      z.object({ content_hash: z.instanceof(Buffer), log_index: z.bigint() }),
      sql`select content_hash, log_index from audit.record where log_index < ${size}`,
    )
    for (const { content_hash, log_index } of rows) {
      const proof = await inclusionProof(Number(log_index), size, nodes)
      expect(verifyInclusion(leafHash(entryOf(content_hash)), Number(log_index), size, proof, root)).toBe(true)
    }
  })

  test('A-INV-3: every checkpoint ever signed is the beginning of every later one', async () => {
    for (const more of [1, 7, 250]) {
      const { size } = await state()
      await publish(more)
      await grownTo(size + more)
      await signCheckpoint(bench.database.db, await signer(), { at: AT, kind: 'flush' })
    }
    const notes = await many(bench.database.db, z.object({ note: z.string() }), sql`select note from audit.checkpoint order by size`)
    const points = await Promise.all(notes.map(({ note }) => checkpointOf(note)))
    const nodes = storedNodes(bench.database.db)
    for (const older of points) {
      for (const newer of points.filter(({ size }) => size >= older.size)) {
        expect(verifyConsistency(older, newer, await consistencyProof(older.size, newer.size, nodes))).toBe(true)
      }
    }
  })

  test('is signed by itself within the priority of what is in it, and closed when the service stops', async () => {
    await publish(3)
    const { size } = await state()
    await grownTo(Math.max(size, 561))
    await bench.restart()
    expect((await state()).signed_size).toBe((await state()).size)
  })

  test('two sequencers at once give every record one place', async () => {
    await bench.service.stop(5000)
    const before = (await state()).size
    await bench.restart()
    await Promise.all([publish(50), ...Array.from({ length: 4 }, () => sequenceBatch(bench.database.db))])
    await grownTo(before + 50)
    const { twice } = await one(
      bench.database.db,
      z.object({ twice: z.int() }),
      sql`select count(*)::int - count(distinct log_index)::int as twice from audit.record where log_index is not null`,
    )
    expect(twice).toBe(0)
  })
})

test('the policy names the key that the checkpoint opens under', async () => {
  const { body } = await bench.as({ actor: { kind: 'service', id: 'gateway' } }).get('/checkpoint/policy')
  expect(body).toBe(`log ${(await signer()).verifierKey} http://localhost:4400\nquorum none\n`)
})

describe('what is in the log stays:', () => {
  test('a place cannot be changed, not even by the owner of the table', async () => {
    const outcome = await exec(bench.database.db, sql`update audit.record set log_index = 99999 where log_index = 0`).then(
      () => 'changed',
      (error: unknown) => sqlState(error),
    )
    expect(outcome).toBe('LA001')
  })
  test('the service may neither change nor delete a record, a part, a tile or a checkpoint', async () => {
    const rights = sql`select bool_or(has_table_privilege('audit', t, 'delete')) or bool_or(has_any_column_privilege('audit', t, 'update')) filter (where t <> 'audit.record') as may
                         from unnest(array['audit.record', 'audit.part', 'audit.leaf_tile', 'audit.checkpoint']) t`
    expect(await one(bench.database.db, z.object({ may: z.boolean() }), rights)).toEqual({ may: false })
  })
})

test('a log whose past was changed is not signed', async () => {
  await exec(bench.database.db, sql`update audit.tile_edge set bytes = set_byte(bytes, 0, get_byte(bytes, 0) # 1) where level = 1`)
  const { size } = await state()
  await publish(1)
  await grownTo(size + 1)
  await expect(signCheckpoint(bench.database.db, await signer(), { at: AT, kind: 'flush' })).rejects.toMatchObject({ code: 'audit.log_inconsistent' })
})
