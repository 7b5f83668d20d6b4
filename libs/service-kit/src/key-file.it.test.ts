import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exec, many, sql } from '@loomworks/sql'
import { type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { keyFromFile, requireSameKey } from './key-file.ts'

let folder: string
let database: TestDatabase

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lw-'))
  database = await testDatabase(inject('adminUrl'))
  await exec(database.db, sql`create schema memory`)
  await exec(database.db, sql`create table memory.key_check (name text primary key, check_value text not null)`)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function fileWith(text: string): Promise<string> {
  const file = path.join(folder, `${randomBytes(4).toString('hex')}.key`)
  await writeFile(file, text)
  return file
}

describe('a key file', () => {
  test('holds 32 bytes, with or without a line end', async () => {
    const key = randomBytes(32)
    for (const text of [key.toString('base64url'), `${key.toString('base64url')}\n`])
      expect(await keyFromFile('MEMORY_MASTER_KEY_FILE', await fileWith(text))).toEqual(key)
  })

  test('that is gone is told with the setting that names it', async () => {
    await expect(keyFromFile('MEMORY_MASTER_KEY_FILE', path.join(folder, 'gone'))).rejects.toMatchObject({
      code: 'key.missing',
      message: expect.stringMatching(/^MEMORY_MASTER_KEY_FILE names/),
    })
  })

  test.each([
    ['nothing', ''],
    ['31 bytes', randomBytes(31).toString('base64url')],
    ['33 bytes', randomBytes(33).toString('base64url')],
    ['a sentence', 'put the key here'],
  ])('with %s is refused', async (_what, text) => {
    await expect(keyFromFile('MEMORY_MASTER_KEY_FILE', await fileWith(text))).rejects.toMatchObject({ code: 'key.malformed' })
  })
})

describe('the key data were written under', () => {
  const key = randomBytes(32)

  test('is noted at the first start, by its check value alone, and is the same at every other', async () => {
    await requireSameKey(database.db, 'memory', 'MEMORY_MASTER_KEY_FILE', key)
    await requireSameKey(database.db, 'memory', 'MEMORY_MASTER_KEY_FILE', key)
    const rows = await many(database.db, z.object({ name: z.string(), check_value: z.string() }), sql`select name, check_value from memory.key_check`)
    expect(rows).toHaveLength(1)
    for (const form of ['hex', 'base64', 'base64url'] as const) expect(rows[0]?.check_value).not.toContain(key.toString(form))
  })

  test('is missed: another one is refused, and what is noted stays', async () => {
    await expect(requireSameKey(database.db, 'memory', 'MEMORY_MASTER_KEY_FILE', randomBytes(32))).rejects.toMatchObject({
      code: 'key.wrong',
      message: expect.stringContaining('MEMORY_MASTER_KEY_FILE'),
    })
    await expect(requireSameKey(database.db, 'memory', 'MEMORY_MASTER_KEY_FILE', key)).resolves.toBeUndefined()
  })

  test('is noted once when two instances start at once with different ones', async () => {
    const starts = await Promise.allSettled([randomBytes(32), randomBytes(32)].map((each) => requireSameKey(database.db, 'memory', 'OTHER_KEY_FILE', each)))
    expect(starts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })
})
