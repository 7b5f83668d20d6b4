import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { testDatabase } from '@loomworks/testing'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { migrate, one, schemaIsCurrent, sql } from './index.ts'

let directory: string
const write = (name: string, text: string) => writeFile(path.join(directory, name), text)

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'loomworks-migrations-'))
  await write('0001_things.sql', 'create table thing (id integer primary key);')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

test('a file is applied once, later ones after it', async () => {
  await using database = await testDatabase(inject('adminUrl'))
  const apply = () => database.db.transaction((tx) => migrate(tx, 'shop', directory))
  expect(await apply()).toEqual(['0001_things.sql'])
  expect(await schemaIsCurrent(database.db, 'shop', directory)).toBe(true)
  await write('0002_more.sql', 'alter table thing add column size integer;')
  expect(await schemaIsCurrent(database.db, 'shop', directory)).toBe(false)
  expect(await apply()).toEqual(['0002_more.sql'])
  expect(await apply()).toEqual([])
  const { columns } = await one(
    database.db,
    z.object({ columns: z.int() }),
    sql`select count(*)::int as columns from information_schema.columns where table_schema = 'shop' and table_name = 'thing'`,
  )
  expect(columns).toBe(2)
})

test('a schema that is newer than the code, or a file that was edited, refuses the start', async () => {
  await using database = await testDatabase(inject('adminUrl'))
  const apply = () => database.db.transaction((tx) => migrate(tx, 'shop', directory))
  await write('0002_more.sql', 'create table more (id integer);')
  await apply()
  await rm(path.join(directory, '0002_more.sql'))
  await expect(apply()).rejects.toMatchObject({ code: 'schema.newer' })
  await write('0002_more.sql', 'create table other (id integer);')
  await expect(apply()).rejects.toMatchObject({ code: 'schema.edited' })
})

test('two instances that start at once apply a file once', async () => {
  await using database = await testDatabase(inject('adminUrl'))
  const applied = await Promise.all(Array.from({ length: 4 }, () => database.db.transaction((tx) => migrate(tx, 'shop', directory))))
  expect(applied.flat()).toEqual(['0001_things.sql'])
})

test('a schema that is read under row-level security has a role for it, which its login role may take', async () => {
  await using database = await testDatabase(inject('adminUrl'))
  await write('0002_rights.sql', 'grant select on thing to shop_reader;')
  const applied = await Promise.all(Array.from({ length: 3 }, () => database.db.transaction((tx) => migrate(tx, 'shop', directory, { reader: true }))))
  expect(applied.flat()).toEqual(['0001_things.sql', '0002_rights.sql'])
  const rights = sql`select pg_has_role('shop', 'shop_reader', 'SET') as role, has_schema_privilege('shop_reader', 'shop', 'usage') as schema,
                            has_table_privilege('shop_reader', 'shop.thing', 'select') as read, has_table_privilege('shop_reader', 'shop.thing', 'insert') as write`
  expect(await one(database.db, z.record(z.string(), z.boolean()), rights)).toEqual({ role: true, schema: true, read: true, write: false })
})
