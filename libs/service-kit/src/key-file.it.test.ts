import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exec, many, sql } from '@loomworks/sql'
import { type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { changeKey, keyFromFile, requireKeyChange, requireSameKey } from './key-file.ts'

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

describe('a key that is being changed', () => {
  let next = 0
  /** A setting whose data are under a key, and another one. */
  async function given() {
    const name = `K${++next}_FILE`
    const [former, key, third] = [randomBytes(32), randomBytes(32), randomBytes(32)]
    const start = (current: Buffer, before?: Buffer) => requireSameKey(database.db, 'memory', name, current, before)
    await start(former)
    return { name, former, key, third, start, end: () => changeKey(database.db, 'memory', name, key) }
  }
  const changing = { code: 'key.changing', message: expect.stringContaining('_FORMER_FILE') }

  test('is the new one alone once the change is done, and never before', async () => {
    const { former, key, start, end } = await given()
    await start(key, former)
    await start(key, former)
    for (const refused of [() => start(former), () => start(key), () => start(former, key)]) await expect(refused()).rejects.toMatchObject(changing)
    await end()
    await start(key)
    await start(key, former)
    await start(key)
    await expect(start(former)).rejects.toMatchObject({ code: 'key.wrong' })
  })

  test('is changed to one at a time, however many starts there are at once', async () => {
    const { former, key, third, start } = await given()
    const starts = await Promise.allSettled([key, third].map((each) => start(each, former)))
    expect(starts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('is not begun by a former key that data are not under, nor by one file named twice', async () => {
    const { former, third, start } = await given()
    await start(former, third)
    await start(former, former)
    await start(former)
  })

  test('is gone on with where it was begun by a start, and with the same keys', async () => {
    const { name, former, key, third, start, end } = await given()
    const goOn = (current: Buffer, before: Buffer) => requireKeyChange(database.db, 'memory', name, current, before)
    await expect(goOn(key, former)).rejects.toMatchObject({ code: 'key.not_changing', message: expect.stringContaining('_FORMER_FILE') })
    await expect(goOn(key, third)).rejects.toMatchObject({ code: 'key.wrong' })
    await start(key, former)
    await goOn(key, former)
    await expect(goOn(third, former)).rejects.toMatchObject(changing)
    await end()
    await goOn(key, former)
  })

  test('is not ended by who changes to another one', async () => {
    const { name, former, key, third, start } = await given()
    await start(key, former)
    await changeKey(database.db, 'memory', name, third)
    await start(key, former)
  })
})
