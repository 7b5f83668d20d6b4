// What the login role of a service may do in the database (architecture §12): its own schema, its own streams, its own
// subjects, its own deliveries. A service that was taken over holds nothing else.
import { PostgresBus } from '@loomworks/bus'
import { STREAMS } from '@loomworks/contracts'
import { ServiceName } from '@loomworks/kernel'
import { consumersOf } from '@loomworks/service-kit'
import { type Dedicated, exec, ident, many, sql, sqlState } from '@loomworks/sql'
import { type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { migrateAll } from '../../dev/migrate.ts'
import { SERVICES } from '../../dev/services.ts'

const NOT_ALLOWED = '42501'
const STREAM_REFUSED = 'LE001'
const SUBJECT_REFUSED = 'LB002'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'))
  await migrateAll(database.db, SERVICES)
  const bus = new PostgresBus({ db: database.db, onTrouble: () => undefined })
  await bus.ensure({ streams: STREAMS, consumers: SERVICES.flatMap(consumersOf) })
  await bus.drain(1000)
})
afterAll(() => database[Symbol.asyncDispose]())

/** What a connection that logged in as this role gets: the SQLSTATE it is refused with, or `allowed`. */
async function as(role: string, work: (db: Dedicated) => Promise<unknown>): Promise<string> {
  await using connection = await database.db.dedicated()
  await exec(connection, sql`set session authorization ${ident(role)}`)
  // Awaited here: the connection ends with this function.
  return await work(connection).then(
    () => 'allowed',
    (error: unknown) => sqlState(error) ?? Promise.reject(error),
  )
}

const append = (stream: string) => (db: Dedicated) =>
  exec(db, sql`select * from event_store.append(array[${stream}], array['no_stream'], array[1], array[gen_random_uuid()], array['Planted'], array['{}'])`)
const read = (stream: string) => (db: Dedicated) => exec(db, sql`select * from event_store.read_stream(${stream}, 0, 10, 1000000)`)
const readAll = (prefix: string) => (db: Dedicated) => exec(db, sql`select * from event_store.read_all(array[${prefix}], 0, 10, 1000000)`)
const publish = (subject: string) => (db: Dedicated) =>
  exec(db, sql`select * from bus.publish(${JSON.stringify([{ subject, id: crypto.randomUUID(), headers: {}, data: '{}' }])}::jsonb)`)

const take = (durable: string) => (db: Dedicated) => exec(db, sql`select * from bus.turn('[]', ${JSON.stringify([{ durable, limit: 1 }])}::jsonb)`)
const settle = (durable: string) => (db: Dedicated) =>
  exec(db, sql`select * from bus.turn(${JSON.stringify([{ durable, seq: 1, deliveries: 1 }])}::jsonb, '[]')`)
const hear = (durable: string) => (db: Dedicated) => {
  const spec = SERVICES.flatMap(consumersOf).find((each) => each.durable === durable)
  return exec(db, sql`select bus.make_consumer(${JSON.stringify(spec)}::jsonb)`)
}

const Right = z.object({ role: z.string(), schema: z.string(), name: z.string(), privilege: z.string() })

test('no role of a service has a right to a table or view outside its own schema', async () => {
  const rights = await many(
    database.db,
    Right,
    sql`select r.role, n.nspname as schema, c.relname as name, p.privilege
          from unnest(${[...ServiceName.options, 'loomworks', 'memory_reader']}::text[]) r(role)
          cross join pg_class c join pg_namespace n on n.oid = c.relnamespace
          cross join unnest('{select,insert,update,delete,truncate,references,trigger}'::text[]) p(privilege)
         where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm')
           and has_table_privilege(r.role, c.oid, p.privilege)`,
  )
  const isOwn = ({ role, schema }: z.output<typeof Right>) => role.split('_')[0] === schema
  expect(rights.filter((right) => !isOwn(right))).toEqual([])
  expect(new Set(rights.filter(isOwn).map(({ schema }) => schema))).toEqual(new Set(['identity', 'memory', 'companion', 'credit', 'audit']))
})

test('no role of a service may become another, nor owns anything, nor makes anything', async () => {
  const others = await many(
    database.db,
    z.object({ role: z.string(), other: z.string() }),
    sql`select r.role, o.rolname as other from unnest(${[...ServiceName.options]}::text[]) r(role) cross join pg_roles o
         where o.rolname <> r.role and o.rolname <> r.role || '_reader' and pg_has_role(r.role, o.oid, 'member')`,
  )
  expect(others).toEqual([])
  for (const service of ServiceName.options) {
    expect(await as(service, (db) => exec(db, sql`create table ${ident(`${service}.planted`)} (id int)`))).toMatch(/^(42501|3F000)$/)
    expect(await as(service, (db) => exec(db, sql`create table public.planted (id int)`))).toBe(NOT_ALLOWED)
    expect(await as(service, (db) => exec(db, sql`create role planted`))).toBe(NOT_ALLOWED)
  }
})

describe('another service’s rows:', () => {
  test.each([
    ['memory', 'identity.persons'],
    ['credit', 'identity.totp_factors'],
    ['companion', 'memory.current_memory'],
    ['audit', 'credit.account'],
    ['gateway', 'identity.sessions'],
    ['identity', 'memory.data_key'],
    ['memory', 'event_store.event'],
    ['identity', 'event_store.event'],
    ['identity', 'bus.message'],
    ['credit', 'bus.publisher'],
  ])('%s does not read %s', async (service, table) => {
    expect(await as(service, (db) => exec(db, sql`select 1 from ${ident(table)} limit 1`))).toBe(NOT_ALLOWED)
  })
  test('nobody widens their own rights', async () => {
    expect(await as('credit', (db) => exec(db, sql`insert into event_store.writer (role, prefix) values ('credit', '')`))).toBe(NOT_ALLOWED)
    expect(await as('credit', (db) => exec(db, sql`insert into bus.publisher (role, pattern) values ('credit', '.*')`))).toBe(NOT_ALLOWED)
  })
})

describe('streams:', () => {
  test.each([
    ['memory', 'person-1'],
    ['memory', 'saga-signup-1'],
    ['identity', 'engagement-1'],
    ['credit', 'engagement-1'],
    ['companion', 'person-1'],
    ['audit', 'saga-signup-1'],
    ['gateway', 'person-1'],
    ['memory', 'engagemen'],
    ['memory', 'Engagement-1'],
  ])('%s neither appends to nor reads %s', async (service, stream) => {
    expect(await as(service, append(stream))).toBe(STREAM_REFUSED)
    expect(await as(service, read(stream))).toBe(STREAM_REFUSED)
    expect(await as(service, readAll(stream))).toBe(STREAM_REFUSED)
  })
  test('nobody reads everything', async () => {
    for (const service of ServiceName.options) expect(await as(service, readAll(''))).toBe(STREAM_REFUSED)
  })
  test('each writes its own', async () => {
    expect(await as('memory', append('engagement-1'))).toBe('allowed')
    expect(await as('identity', append('person-1'))).toBe('allowed')
    expect(await as('identity', append('saga-signup-1'))).toBe('allowed')
  })
})

describe('subjects:', () => {
  test.each([
    ['memory', 'evt.identity.0.1.PersonActivated'],
    ['memory', 'saga.cmd.identity.1.activate.do'],
    ['credit', 'saga.cmd.memory.1.induct.undo'],
    ['companion', 'evt.credit.0.1.GrantClaimed'],
    ['identity', 'evt.audit.0.1.Anything'],
    ['audit', 'dlq.memory.exhausted'],
    ['gateway', 'evt.identity.0.1.SessionRevoked'],
  ])('%s does not publish on %s', async (service, subject) => {
    expect(await as(service, publish(subject))).toBe(SUBJECT_REFUSED)
  })
  test('each publishes on its own; commands come from identity', async () => {
    expect(await as('memory', publish('evt.memory.0.1.EngagementOpened'))).toBe('allowed')
    expect(await as('credit', publish('saga.rep.1.reserve'))).toBe('allowed')
    expect(await as('identity', publish('saga.cmd.memory.1.induct.do'))).toBe('allowed')
  })
})

describe('deliveries:', () => {
  const durables = SERVICES.flatMap((each) => consumersOf(each).map(({ durable }) => [each.name, durable] as const))
  test('each takes and settles its own, and nobody another’s', async () => {
    expect(durables.length).toBeGreaterThan(20)
    for (const [owner, durable] of durables) {
      for (const service of ServiceName.options) {
        const expected = service === owner ? 'allowed' : SUBJECT_REFUSED
        for (const work of [take, settle, hear]) expect([service, durable, await as(service, work(durable))]).toEqual([service, durable, expected])
      }
    }
  })
  test('no service gives all leases back', async () => {
    for (const service of ServiceName.options) expect(await as(service, (db) => exec(db, sql`select bus.release_leases()`))).toBe(NOT_ALLOWED)
  })
})
