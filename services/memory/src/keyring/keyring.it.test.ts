import { newKey } from '@loomworks/event-store'
import { newId, type PersonId } from '@loomworks/kernel'
import { exec, many, sql } from '@loomworks/sql'
import { PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { memory } from '../service.ts'
import { Keyring } from './keyring.ts'
import { sweepEnded } from './rows.ts'

const MASTER = newKey()
let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), { ...PLATFORM_SCHEMAS, memory: { directory: memory.migrations ?? '', reader: true } })
})
afterAll(() => database[Symbol.asyncDispose]())

const keyring = () => new Keyring(database.db, MASTER)
const somebody = () => ({ kind: 'person', id: newId<'person'>() as PersonId }) as const
const place = () => ({ engagement: newId(), object: newId(), eventId: newId() })
const dataKeys = (holder: string) =>
  many(
    database.db,
    z.object({ key_id: z.string() }),
    sql`select d.key_id from memory.data_key d join memory.holder_key h on h.key_id = d.holder_key where h.holder_id = ${holder}`,
  )

test('a text opens for whoever has the master key, and in its place alone', async () => {
  const [persona, here] = [somebody(), place()]
  const sealed = await keyring().seal(persona, here, { text: 'tea' })
  expect(JSON.stringify(sealed)).not.toContain('tea')
  expect(await keyring().open([{ ...here, sealed }])).toEqual([{ text: 'tea' }])
  await expect(keyring().open([{ ...here, object: newId(), sealed }])).rejects.toThrow('does not open')
  await expect(new Keyring(database.db, newKey()).open([{ ...here, sealed }])).rejects.toThrow('wrapped under another key')
})

test('each object has a key of its own, made ahead; the same event gets the same key', async () => {
  const ring = keyring()
  const persona = somebody()
  const event = newId()
  const first = await ring.keyFor(persona, event)
  const others = await Promise.all(Array.from({ length: 300 }, () => ring.keyFor(persona, newId())))
  expect(new Set([first, ...others].map(({ id }) => id)).size).toBe(301)
  expect(await ring.keyFor(persona, event)).toBe(first)
  const stored = new Set((await dataKeys(persona.id)).map(({ key_id }) => key_id))
  expect([first, ...others].every(({ id }) => stored.has(id))).toBe(true)
})

test('two processes that meet a new persona at once agree on its key', async () => {
  const persona = somebody()
  const sealed = await Promise.all(
    [keyring(), keyring(), keyring()].map(async (ring) => {
      const here = place()
      return { ...here, sealed: await ring.seal(persona, here, { text: here.object }) }
    }),
  )
  expect(await keyring().open(sealed)).toEqual(sealed.map(({ object }) => ({ text: object })))
  expect(await many(database.db, z.unknown(), sql`select from memory.holder_key where holder_id = ${persona.id}`)).toHaveLength(1)
})

test('keys that were given to nobody go at the end, those that were handed out stay', async () => {
  const ring = keyring()
  const persona = somebody()
  const handed = await ring.keyFor(persona, newId())
  expect((await dataKeys(persona.id)).length).toBeGreaterThan(1)
  await ring.close()
  expect(await dataKeys(persona.id)).toEqual([{ key_id: handed.id }])
})

test('a destroyed key opens nothing, without an exception; what stands beside it still opens', async () => {
  const [hers, his] = [somebody(), somebody()]
  const ring = keyring()
  const sealedFor = async (persona: typeof hers) => {
    const here = place()
    return { ...here, sealed: await ring.seal(persona, here, { text: 'tea' }) }
  }
  const both = [await sealedFor(hers), await sealedFor(his)]
  await database.db.transaction((tx) => ring.end(tx, hers.id))
  expect(await keyring().open(both)).toEqual([undefined, { text: 'tea' }])
  expect(await keyring().markOf(hers, 'assertion', 'tea')).toBeUndefined()
})

test('no key is kept for a persona that has ended, not even one that was on its way', async () => {
  const persona = somebody()
  const ring = keyring()
  await ring.keyFor(persona, newId())
  await database.db.transaction((tx) => keyring().end(tx, persona.id))
  for (const each of [ring, keyring()]) for (let n = 0; n < 6; n++) await each.keyFor(persona, newId())
  expect(await dataKeys(persona.id)).toEqual([])
  await exec(database.db, sql`insert into memory.holder_key (key_id, holder_kind, holder_id, wrapped) values (${newId()}, 'person', ${persona.id}, '{}')`)
  await sweepEnded(database.db)
  expect(await many(database.db, z.unknown(), sql`select from memory.holder_key where holder_id = ${persona.id}`)).toEqual([])
})

test("a duplicate is known by a mark that only its persona's key makes", async () => {
  const [hers, his] = [somebody(), somebody()]
  const ring = keyring()
  for (const each of [hers, his]) await ring.keyFor(each, newId())
  const mark = await ring.markOf(hers, 'assertion', 'tea')
  expect(await keyring().markOf(hers, 'assertion', 'tea')).toBe(mark)
  expect(
    new Set([mark, await ring.markOf(his, 'assertion', 'tea'), await ring.markOf(hers, 'assertion', 'milk'), await ring.markOf(hers, 'seed', 'tea')]).size,
  ).toBe(4)
})
