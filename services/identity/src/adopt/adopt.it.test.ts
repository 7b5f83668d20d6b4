import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { newId } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { eventually, waitingIn } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { memberOf, openedBy } from '../belonging-story.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { IMPORT_LINES_MAX, ImportLine, importPersons, waitingForAdoption } from '../imports.ts'
import { signedUp } from '../signing-up.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(() => bench.steps.clear())

let next = 0
const line = (more: object = {}): ImportLine => ImportLine.parse({ email: `i${++next}@example.org`, display_name: 'Grace', ...more })
const Person = z.object({ state: z.string(), personal_engagement_id: z.string().nullable(), referred_by: z.string().nullable(), companion_name: z.string() })
const personOf = (id: string) =>
  one(bench.db, Person, sql`select state, personal_engagement_id, referred_by, companion_name from identity.persons where id = ${id}`)
const Member = z.object({ engagement_id: z.string(), active: z.boolean(), operator_sequence_number: z.int(), designations: z.array(z.string()) })
const membershipsOf = (id: string) =>
  many(
    bench.db,
    Member,
    sql`select engagement_id, active, operator_sequence_number,
               array(select d.designation from identity.membership_designations d where d.membership_id = m.id) as designations
          from identity.memberships m
         where principal_id = ${id}
         order by operator_sequence_number`,
  )
const importOne = async (more: object = {}) => {
  const { persons } = await importPersons(bench.db, [line(more)], Date.now())
  return persons[0] ?? ''
}
const adopted = (ids: readonly string[]) => eventually(async () => expect(await waitingForAdoption(bench.db, ids)).toBe(0))
const Attempt = z.object({ adopt_attempt: z.int() })
const undone = (id: string, attempt: number) =>
  eventually(async () => expect((await one(bench.db, Attempt, sql`select adopt_attempt from identity.persons where id = ${id}`)).adopt_attempt).toBe(attempt))
/** What reconciling is told of a person. */
const foundAs = async (id: string) => {
  const before = BigInt(`0x${id.replaceAll('-', '')}`) - 1n
  const after = before
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const { body } = await bench.internal('identity', 'GET', `/internal/sagas/effects?cursor=effect/${after}`)
  return body.effects.find((effect: { id: string }) => effect.id === id)?.state
}
const told = (id: string) =>
  many(
    bench.db,
    z.object({ subject: z.string(), revision: z.bigint() }),
    sql`select subject, revision from identity.outbox where entity_id = ${id} and revision is not null order by revision`,
  )
const rowsOf = (id: string) => many(bench.db, z.object({ id: z.string() }), sql`select id from identity.persons where id = ${id}`)
const broughtBy = async (id: string) => (await bench.told('PersonActivated', id)).map(({ data }) => data.referredBy)
/** Somebody whose signup is under way. */
const pending = (id: string, email: string) =>
  sql`insert into identity.persons (id, user_handle, email, email_lookup, display_name, signup_display_name, state)
      values (${id}, decode(md5(${id}) || md5(${id}), 'hex'), ${email}, ${email}, 'Ada', 'Ada', 'pending')`
/** Lines that are written at once. */
const PAGE = 200
const LONG_AGO = '2001-01-01T00:00:00Z'

describe('who is imported', () => {
  test('is nobody until they are adopted, and then has an engagement of their own and both memberships', async () => {
    const id = await importOne({ companion_name: 'Iris' })
    await adopted([id])
    const person = await personOf(id)
    expect(person).toMatchObject({ state: 'active', companion_name: 'Iris' })
    expect(await membershipsOf(id)).toEqual([
      { engagement_id: person.personal_engagement_id, active: true, operator_sequence_number: 1, designations: ['operator'] },
      { engagement_id: WELL_KNOWN_ENGAGEMENTS.commons.id, active: true, operator_sequence_number: 2, designations: ['contributor'] },
    ])
    expect((await told(id)).map(({ subject, revision }) => `${revision} ${subject.split('.').at(-1)}`)).toEqual([
      '1 PersonActivated',
      '2 MembershipGranted',
      '3 MembershipGranted',
    ])
  })

  test('and is here already, by id or address, stays as they are', async () => {
    const ada = await signedUp(bench, { email: 'ada@example.org', displayName: 'Ada' })
    const answer = await importPersons(bench.db, [line({ email: 'ADA@example.org' }), line({ id: ada.personId })], Date.now())
    expect(answer).toEqual({ persons: [], known: 2 })
    expect((await bench.ask('GET', '/me', { session: ada.session })).body).toMatchObject({ display_name: 'Ada' })
  })

  test('may name who brought them, also by a later line', async () => {
    const referrer = newId<'person'>()
    const { persons } = await importPersons(bench.db, [line({ referred_by: referrer }), line({ id: referrer }), line({ referred_by: newId() })], Date.now())
    await adopted(persons)
    expect(await Promise.all(persons.map(async (id) => (await personOf(id)).referred_by))).toEqual([referrer, null, null])
  })

  test('is said to have been brought by their referrer when they come, and stays as they are when a later import names one', async () => {
    const [referrer, id] = [newId<'person'>(), newId<'person'>()]
    await importPersons(bench.db, [line({ id, referred_by: referrer }), line({ id: referrer })], Date.now())
    const free = line()
    const { persons } = await importPersons(bench.db, [free], Date.now())
    await adopted([id, referrer, ...persons])
    expect(await broughtBy(id)).toEqual([referrer])
    expect(await importPersons(bench.db, [{ ...free, referred_by: referrer }], Date.now())).toEqual({ persons: [], known: 1 })
    expect(await personOf(persons[0] ?? '')).toMatchObject({ state: 'active', referred_by: null })
  })

  test('is nobody while later pages of the file are written, so none comes without their referrer', async () => {
    const [referrer, id] = [newId<'person'>(), newId<'person'>()]
    const last = line({ id: referrer })
    const file = [line({ id, referred_by: referrer, created_at: LONG_AGO }), ...Array.from({ length: PAGE }, () => line({ email: 'often@example.org' })), last]
    const stranger = newId<'person'>()
    const importing = await bench.db.transaction(async (tx) => {
      await exec(tx, pending(stranger, last.email))
      const begun = importPersons(bench.db, file, Date.now())
      await eventually(async () => expect(await waitingIn(bench.db)).toHaveLength(1))
      expect(await rowsOf(id)).toEqual([])
      await exec(tx, sql`delete from identity.persons where id = ${stranger}`)
      return { begun }
    })
    expect((await importing.begun).persons).toContain(id)
    await adopted([id, referrer])
    expect(await broughtBy(id)).toEqual([referrer])
  })

  test('comes with the whole file or not at all', async () => {
    const id = newId<'person'>()
    const file = [line({ id }), ...Array.from({ length: PAGE }, () => line({ email: 'often@example.org' })), { ...line(), created_at: 'once upon a time' }]
    await expect(importPersons(bench.db, file, Date.now())).rejects.toThrow()
    expect(await rowsOf(id)).toEqual([])
    expect(await importPersons(bench.db, file.slice(0, 1), Date.now())).toMatchObject({ persons: [id] })
  })

  test('comes in a file of at most 50,000 lines', async () => {
    const one = line()
    await expect(
      importPersons(
        bench.db,
        Array.from({ length: IMPORT_LINES_MAX + 1 }, () => one),
        Date.now(),
      ),
    ).rejects.toThrow(RangeError)
  })

  test('is brought by nobody who was erased, or whose own signup may yet be undone', async () => {
    const [erased, coming] = [await importOne(), newId<'person'>()]
    await adopted([erased])
    await exec(bench.db, sql`update identity.persons set state = 'erased' where id = ${erased}`)
    await exec(bench.db, pending(coming, 'coming@example.org'))
    const { persons } = await importPersons(bench.db, [line({ referred_by: erased }), line({ referred_by: coming })], Date.now())
    await adopted(persons)
    expect(await Promise.all(persons.map(async (id) => (await personOf(id)).referred_by))).toEqual([null, null])
    expect(await exec(bench.db, sql`delete from identity.persons where id = ${coming}`)).toBe(1)
  })

  test('is told to audit once for the file, without a name', async () => {
    await importPersons(bench.db, [line(), line()], Date.now())
    const last = (await bench.told('IdentityFixupApplied')).at(-1)
    expect(last).toMatchObject({ actor: { kind: 'service', id: 'migrations' }, data: { fields: ['persons.imported'] } })
    expect(JSON.stringify(last)).not.toContain('example.org')
  })

  test('and cannot be given an engagement goes back whole, and is tried again under the next attempt', async () => {
    bench.steps.set('induct/do', () => ({ outcome: 'error', code: 'saga.step_error' }))
    const id = await importOne()
    await undone(id, 1)
    expect(await personOf(id)).toMatchObject({ state: 'pending', personal_engagement_id: null })
    expect(await membershipsOf(id)).toEqual([])
    bench.steps.clear()
    await exec(bench.db, sql`update identity.persons set adopt_due_at = null where id = ${id}`)
    await adopted([id])
    expect((await membershipsOf(id)).map(({ operator_sequence_number }) => operator_sequence_number)).toEqual([1, 2])
  })

  test('and cannot be given one five times is tried again hours later, and stands out until then', async () => {
    bench.steps.set('induct/do', () => ({ outcome: 'error', code: 'saga.step_error' }))
    const id = await importOne()
    await undone(id, 1)
    expect(await foundAs(id)).toBeUndefined()
    await exec(bench.db, sql`update identity.persons set adopt_attempt = 4, adopt_due_at = null where id = ${id}`)
    await undone(id, 5)
    const { hours } = await one(
      bench.db,
      z.object({ hours: z.number() }),
      sql`select extract(epoch from adopt_due_at - now())::float / 3600 as hours from identity.persons where id = ${id}`,
    )
    expect(hours).toBeGreaterThan(5)
    expect(hours).toBeLessThanOrEqual(6)
    expect(await foundAs(id)).toBe('unadopted')
    bench.steps.clear()
    await exec(bench.db, sql`update identity.persons set adopt_due_at = now() where id = ${id}`)
    await adopted([id])
    expect(await foundAs(id)).toBe('active')
  })

  test.each([
    ['no address', { email: 'nobody' }],
    ['no name', { display_name: ' ' }],
    ['a name that turns the text around', { companion_name: 'a\u202eb' }],
    ['a time that is none', { created_at: 'yesterday' }],
    ['more than a line has', { password: 'x' }],
  ])('is refused with %s', (_what, more) => {
    expect(ImportLine.safeParse({ email: 'x@example.org', display_name: 'X', ...more }).success).toBe(false)
  })
})

test('a member who is found without a personal engagement gets one, and keeps what they have', async () => {
  const ada = await signedUp(bench, { email: 'lost@example.org' })
  await exec(bench.db, sql`update identity.persons set personal_engagement_id = null where id = ${ada.personId}`)
  const former = await membershipsOf(ada.personId)
  await adopted([ada.personId])
  const now = await membershipsOf(ada.personId)
  expect(now.slice(0, 2)).toEqual(former)
  expect(now[2]).toMatchObject({
    active: true,
    operator_sequence_number: 3,
    designations: ['operator'],
    engagement_id: (await personOf(ada.personId)).personal_engagement_id,
  })
  expect(await bench.ask('GET', '/me', { session: ada.session })).toMatchObject({ status: 200 })
})

test('a member whose adoption is undone keeps what they were given meanwhile, and their numbers have no gap then or later', async () => {
  const [ada, bob] = [await signedUp(bench, { email: 'meanwhile@example.org' }), await signedUp(bench, { email: 'host@example.org' })]
  const joins = async () => memberOf(bench, await openedBy(bench, bob), ada)
  let meanwhile: ReturnType<typeof joins> | undefined
  bench.steps.set('induct/do', async ({ sagaId }) => {
    const joined = sql`select state from identity.saga_fence where saga_id = ${sagaId} and step = 'commonsJoin'`
    await eventually(async () => expect(await many(bench.db, z.object({ state: z.string() }), joined)).toEqual([{ state: 'done' }]))
    meanwhile ??= joins()
    await meanwhile
    return { outcome: 'error', code: 'saga.step_error' }
  })
  await exec(bench.db, sql`update identity.persons set personal_engagement_id = null where id = ${ada.personId}`)
  const numbers = async () => (await membershipsOf(ada.personId)).map(({ operator_sequence_number }) => operator_sequence_number)
  await undone(ada.personId, 1)
  expect(await numbers()).toEqual([1, 2, 3])
  await joins()
  expect(await numbers()).toEqual([1, 2, 3, 4])
  bench.steps.clear()
  await exec(bench.db, sql`update identity.persons set adopt_due_at = null where id = ${ada.personId}`)
  await adopted([ada.personId])
  expect(await numbers()).toEqual([1, 2, 3, 4, 5])
})

test('50 are adopted by two instances, each once', async () => {
  await using _second = await bench.another()
  const { persons } = await importPersons(
    bench.db,
    Array.from({ length: 50 }, () => line()),
    Date.now(),
  )
  await adopted(persons)
  for (const id of persons) {
    expect((await membershipsOf(id)).map(({ active }) => active)).toEqual([true, true])
    expect((await told(id)).filter(({ subject }) => subject.endsWith('PersonActivated'))).toHaveLength(1)
  }
})
