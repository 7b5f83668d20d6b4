import { newId } from '@loomworks/kernel'
import { exec, one, sql, sqlState } from '@loomworks/sql'
import { PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from '@loomworks/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { ISSUER, type Posting, personParty, post } from '../posting.ts'
import { credit } from '../service.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), { ...PLATFORM_SCHEMAS, credit: credit.migrations ?? '' })
})
afterAll(() => database[Symbol.asyncDispose]())

const persons = Array.from({ length: 5 }, () => newId<'person'>())
const issuance = (personId: string, quantity: number, id: string = newId()): Posting => ({
  id,
  kind: 'issuance',
  personId,
  meta: { cause: 'grant' },
  actor: { kind: 'service', id: 'signup' },
  correlationId: id,
  occurredAt: '2030-01-02T03:04:05.678Z',
  lines: [{ role: 'credit', from: ISSUER, to: personParty(personId), asset: 'loomworks_credit_sonnet', quantity: String(quantity) }],
})
const unbalanced = () =>
  one(
    database.db,
    z.object({ assets: z.int() }),
    sql`select count(*)::int as assets from (select from credit.asset_balances group by asset having sum(balance) <> 0) a`,
  )
const settled = (personId: string) =>
  one(
    database.db,
    z.object({ balance: z.string() }),
    sql`select coalesce(sum(balance), 0)::text as balance from credit.asset_balances where party = ${personParty(personId)}`,
  )

test('CR-INV-1, CR-INV-3: after any sequence every asset sums to 0 and a balance is the fold of its flows, also while institutions are rolled up', async () => {
  const owed = new Map<string, number>()
  const step = fc.record({ person: fc.nat({ max: 4 }), quantity: fc.integer({ min: 1, max: 1000 }), rollUp: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      for (const { person, quantity, rollUp } of steps) {
        const personId = persons[person] ?? ''
        expect(await post(database.db, issuance(personId, quantity))).toBe(true)
        owed.set(personId, (owed.get(personId) ?? 0) + quantity)
        if (rollUp) await exec(database.db, sql`select credit.roll_up()`)
        expect(await unbalanced()).toEqual({ assets: 0 })
      }
      for (const [personId, sum] of owed) expect(await settled(personId)).toEqual({ balance: String(sum) })
    }),
    { numRuns: 25 },
  )
})

test('CR-INV-3: writers that commit out of order lose nothing to the roll-up', async () => {
  const late = newId<'person'>()
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const slow = database.db.transaction(async (tx) => {
    await post(tx, issuance(late, 7))
    await held
  })
  await post(database.db, issuance(newId(), 5))
  await exec(database.db, sql`select credit.roll_up()`)
  release()
  await slow
  await exec(database.db, sql`select credit.roll_up()`)
  expect(await unbalanced()).toEqual({ assets: 0 })
  expect(await settled(late)).toEqual({ balance: '7' })
})

describe('CR-INV-5: an id', () => {
  test('that comes again with the same content is one transaction', async () => {
    const personId = newId<'person'>()
    const posting = issuance(personId, 10)
    const booked = await Promise.all(Array.from({ length: 20 }, () => post(database.db, posting)))
    expect(booked.filter(Boolean)).toHaveLength(1)
    expect(await settled(personId)).toEqual({ balance: '10' })
  })
  test('that comes again with other content is refused', async () => {
    const id = newId()
    const personId = newId<'person'>()
    await post(database.db, issuance(personId, 10, id))
    await expect(post(database.db, issuance(personId, 11, id))).rejects.toMatchObject({ code: 'ledger.id_reused' })
    expect(await settled(personId)).toEqual({ balance: '10' })
  })
})

describe('CR-INV-13: what is in the ledger stays:', () => {
  test.each([
    ['update', sql`update credit.flow set quantity = 0`],
    ['delete', sql`delete from credit.tx`],
    ['truncate', sql`truncate credit.flow`],
  ])('%s is refused', async (_, statement) => {
    const state = await exec(database.db, statement).then(
      () => 'done',
      (error: unknown) => sqlState(error),
    )
    expect(state).toBe('LC001')
  })
  test('the service itself can only post', async () => {
    const rights = sql`select has_table_privilege('credit', 'credit.flow', 'insert, update, delete, truncate') as may`
    expect(await one(database.db, z.object({ may: z.boolean() }), rights)).toEqual({ may: false })
  })
})
