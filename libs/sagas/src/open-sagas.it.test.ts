import { newId } from '@loomworks/kernel'
import { exec, maybe, sql } from '@loomworks/sql'
import { eventually, PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type OpenRow, OpenSagaTable } from './open-sagas.ts'
import { prepareStand } from './simulation/stand.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  await prepareStand(database.db)
})
afterAll(() => database[Symbol.asyncDispose]())

const NOW = '2030-01-01T00:00:00.000Z'
const paused: OpenRow = {
  sagaId: newId<'saga'>(),
  definition: 'signup',
  version: 1,
  state: 'running',
  overlay: ['paused'],
  revision: 2n,
  nextDueAt: null,
  outstanding: [],
  code: null,
  startedAt: NOW,
  updatedAt: NOW,
  step: 'reserve',
  attempts: 1,
  errorClass: null,
  durationMs: null,
  stepMs: null,
  refs: [],
}
const kept = ({ sagaId }: OpenRow) => maybe(database.db, z.object({ revision: z.bigint() }), sql`select revision from host.saga_open where saga_id = ${sagaId}`)

/** The table is out of reach while this runs. */
async function without(work: () => Promise<unknown>): Promise<void> {
  await exec(database.db, sql`alter table host.saga_open rename to saga_away`)
  await work()
  await exec(database.db, sql`alter table host.saga_away rename to saga_open`)
}

test('a note that cannot be kept is tried again until it is, and gives way to a newer one', async () => {
  const troubles: unknown[] = []
  const table = new OpenSagaTable(database.db, 'host', (error) => troubles.push(error))
  await table.write([paused])
  await without(async () => {
    table.note({ ...paused, revision: 3n })
    await eventually(() => expect(troubles.length).toBeGreaterThan(1))
    table.note({ ...paused, revision: 4n })
  })
  await eventually(async () => expect(await kept(paused)).toEqual({ revision: 4n }))
  await table.settled()
})

test('what ends tries no more', async () => {
  const troubles: unknown[] = []
  const table = new OpenSagaTable(database.db, 'host', (error) => troubles.push(error))
  const row = { ...paused, sagaId: newId<'saga'>() }
  await without(async () => {
    table.note(row)
    await table.settled()
  })
  expect(troubles).toHaveLength(1)
  expect(await kept(row)).toBeUndefined()
})
