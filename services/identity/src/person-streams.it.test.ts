import { type OutgoingRow, outboxRowOf } from '@loomworks/bus'
import { PersonNamesChanged } from '@loomworks/contracts'
import { type EventStore, PostgresEventStore } from '@loomworks/event-store'
import { actorFromPerson, derivedId, newId, type PersonId, Terminal, Transient, timeOf } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { appendPersonFacts } from './person-streams.ts'

let database: TestDatabase
let store: EventStore
let relayed: (rows: readonly OutgoingRow[]) => Promise<void>
beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  store = new PostgresEventStore({ db: database.db, onTrouble: () => undefined })
  relayed = appendPersonFacts(store)
})
afterAll(async () => {
  await store.close()
  await database[Symbol.asyncDispose]()
})

const TRACE = childTrace()

/** The outbox row of a person's fact with this revision. */
function row(personId: PersonId, revision: number, cause: string = derivedId(personId, revision)): OutgoingRow {
  const stating = { at: timeOf(0), actor: actorFromPerson(personId), correlationId: cause, causationId: cause, traceparent: TRACE }
  const made = outboxRowOf({ type: PersonNamesChanged, data: { personId, fields: ['display_name'] }, cause, revision, stream: `person-${personId}` }, stating)
  return { ...made, seq: BigInt(revision), entity_id: made.entityId, revision: made.revision ?? null, stream: made.stream ?? null }
}
const rows = (personId: PersonId, ...revisions: readonly number[]) => revisions.map((revision) => row(personId, revision))
const idsIn = async (personId: PersonId) => (await Array.fromAsync(store.readStream(`person-${personId}`))).map(({ id }) => id)
const idsOf = (list: readonly OutgoingRow[]) => list.map(({ id }) => id)

test('the facts of several persons go into their streams, each in its order', async () => {
  const [ada, bo] = [newId<'person'>(), newId<'person'>()]
  await relayed([row(ada, 1), row(bo, 1), row(ada, 2), row(bo, 2), row(ada, 3)])
  expect(await idsIn(ada)).toEqual(idsOf(rows(ada, 1, 2, 3)))
  expect(await idsIn(bo)).toEqual(idsOf(rows(bo, 1, 2)))
})

test('a batch that was relayed before, whole or in part, adds only what is missing', async () => {
  const ada = newId<'person'>()
  await relayed(rows(ada, 1, 2))
  await relayed(rows(ada, 1, 2))
  await relayed(rows(ada, 2, 3, 4))
  await relayed(rows(ada, 1, 2, 3, 4, 5))
  expect(await idsIn(ada)).toEqual(idsOf(rows(ada, 1, 2, 3, 4, 5)))
})

test('a fact whose forerunner is not there waits', async () => {
  const ada = newId<'person'>()
  await expect(relayed(rows(ada, 2))).rejects.toBeInstanceOf(Transient)
  await relayed(rows(ada, 1, 2))
  await expect(relayed(rows(ada, 4))).rejects.toBeInstanceOf(Transient)
  expect(await idsIn(ada)).toHaveLength(2)
})

test('another fact at a revision that is taken is a broken promise, never a second truth', async () => {
  const ada = newId<'person'>()
  await relayed(rows(ada, 1, 2))
  await expect(relayed([row(ada, 2, newId())])).rejects.toBeInstanceOf(Terminal)
  expect(await idsIn(ada)).toEqual(idsOf(rows(ada, 1, 2)))
})

test('rows that belong to no stream are left to the bus', async () => {
  await relayed([{ ...row(newId(), 1), stream: null, revision: null }])
})
