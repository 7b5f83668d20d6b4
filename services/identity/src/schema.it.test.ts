// The closed sets of the tables are those of the code: a word one side does not know would stop a row at the worst moment.
import { AccountStatus, Designation, PersonState, PrincipalKind, Role, SagaName, SagaState, SessionEnd } from '@loomworks/contracts'
import { many, sql } from '@loomworks/sql'
import { type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { identity } from './service.ts'
import { SessionDelivery } from './sessions.ts'
import { RegistrationState } from './vocabulary.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), { ...(identity.migrations && { identity: identity.migrations }) })
})
afterAll(() => database[Symbol.asyncDispose]())

test.each([
  ['persons.state', PersonState],
  ['persons.account_status', AccountStatus],
  ['pending_registrations.state', RegistrationState],
  ['sessions.delivery', SessionDelivery],
  ['sessions.revoked_reason', SessionEnd],
  ['memberships.principal_kind', PrincipalKind],
  ['membership_designations.designation', Designation],
  ['person_roles.role', Role],
  ['saga_open.definition', SagaName],
  ['saga_open.state', SagaState],
] as const)('%s holds the words of its set and no others', async (column, set) => {
  const [table, name] = column.split('.')
  const rows = await many(
    database.db,
    z.object({ text: z.string() }),
    sql`select pg_get_constraintdef(c.oid) as text
          from pg_constraint c
          join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
         where c.conrelid = ${`identity.${table}`}::regclass and c.contype = 'c' and array_length(c.conkey, 1) = 1 and a.attname = ${name}`,
  )
  const words = rows.flatMap(({ text }) => [...text.matchAll(/'(\w+)'::text/g)].map(([, word = '']) => word))
  expect(words.toSorted()).toEqual([...set.options].toSorted())
})
