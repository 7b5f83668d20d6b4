import { randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startService } from '@loomworks/service-kit'
import { exec, many, one, type Sql, sql, type Tx } from '@loomworks/sql'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { memoryBench, person, type SignedUp } from './memory-bench.ts'
import { asReader } from './reader.ts'
import { memory } from './service.ts'

let bench: ServiceBench
let ada: SignedUp
let bob: SignedUp
beforeAll(async () => {
  bench = await memoryBench(inject('adminUrl'))
  ada = await person(bench)
  bob = await person(bench)
  for (const { personId } of [ada, bob])
    await eventually(() => one(bench.database.db, z.unknown(), sql`select from memory.engagement where owner = ${personId}`))
})
afterAll(() => bench[Symbol.asyncDispose]())

const startWith = (environment: Record<string, string>) => startService(memory, { ...bench.platform, environment })
const Count = z.object({ count: z.bigint() })
const counted = sql`select count(*) as count from memory.current_memory`

/** As the login role of the service, which is no superuser. */
const asService = <T>(work: (tx: Tx) => Promise<T>) =>
  bench.database.db.transaction(async (tx) => {
    await exec(tx, sql`set local role memory`)
    return work(tx)
  })

test.each([
  ['another master key', () => fileOf(randomBytes(32).toString('base64url')), 'is not the key this database was written under'],
  ['a master key that is none', () => fileOf('short'), 'does not hold 32 bytes'],
  ['no master key', () => path.join(tmpdir(), 'nowhere', 'memory.key'), 'cannot be read'],
])('%s refuses the start in one sentence', async (_, file, sentence) => {
  await expect(startWith({ MEMORY_MASTER_KEY_FILE: file() })).rejects.toThrow(sentence)
})

test('a setting that is missing or wrong refuses the start by its name', async () => {
  await expect(startWith({})).rejects.toThrow('MEMORY_MASTER_KEY_FILE')
  await expect(startWith({ MEMORY_MASTER_KEY_FILE: 'x', MEMORY_SANDBOX: 'perhaps' })).rejects.toThrow('MEMORY_SANDBOX')
})

test('the service writes and reads all rows, its readers only what their principal may read', async () => {
  const all = await asService((tx) => one(tx, Count, counted))
  expect(all.count).toBeGreaterThanOrEqual(6n)
  for (const { personId, engagementId } of [ada, bob]) {
    const rows = await asReader(bench.database.db, personId, (reader) =>
      many(reader, z.object({ engagement: z.string() }), sql`select engagement from memory.current_memory`),
    )
    expect(rows).toEqual(Array.from({ length: 3 }, () => ({ engagement: engagementId })))
  }
})

test('the service may take the role of its readers, and may not make itself the owner', async () => {
  const may = (role: string) => one(bench.database.db, z.object({ may: z.boolean() }), sql`select pg_has_role('memory', ${role}, 'SET') as may`)
  expect([await may('memory_reader'), await may('memory_owner')]).toEqual([{ may: true }, { may: false }])
})

test('a reader without a principal sees nothing', async () => {
  for (const view of ['engagement', 'current_memory', 'needs_you', 'activity', 'membership']) {
    const rows = await bench.database.db.transaction(async (tx) => {
      await exec(tx, sql`set local role memory_reader`)
      return many(tx, z.unknown(), { text: `select 1 from memory.${view}`, values: [] })
    })
    expect(rows).toEqual([])
  }
})

test.each<[string, Sql]>([
  ['keys', sql`select from memory.holder_key`],
  ['data keys', sql`select from memory.data_key`],
  ['marks of duplicates', sql`select from memory.duplicate_mark_v1`],
  ['what is held back', sql`select from memory.held_event`],
  ['the outbox', sql`select from memory.outbox`],
  ['a change of what they may read', sql`delete from memory.current_memory_v1`],
])('readers have no right to %s', async (_, statement) => {
  await expect(asReader(bench.database.db, ada.personId, (reader) => exec(reader, statement))).rejects.toThrow('permission denied')
})

function fileOf(text: string): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'lw-keys-')), 'memory.key')
  writeFileSync(file, text)
  return file
}
