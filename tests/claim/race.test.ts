// One claim token, used at the same moment by somebody who signs up and by a member: one of them has the credit (saga page §4, C-INV-3). Both can
// only be meant by one grant where their addresses are told apart by letters that do not count.
import { randomUUID } from 'node:crypto'
import { type Database, many, one, openDatabase, sql } from '@loomworks/sql'
import { eventually, PersonClient } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startWhole, type Whole } from '../whole.ts'

/** More by ROUNDS. */
const ROUNDS = Number(process.env.ROUNDS ?? 10)
const MINUTE_MS = 60_000
const Grant = z.object({ status: z.string(), claimed_by_person_id: z.string().nullable(), issued: z.int() })

let whole: Whole
let db: Database
beforeAll(async () => {
  whole = await startWhole()
  db = openDatabase({ url: whole.instance.adminUrl, max: 1, applicationName: 'test', onError: () => undefined })
})
afterAll(async () => {
  await db.close()
  await whole[Symbol.asyncDispose]()
})

const Found = z.object({ found: z.boolean() })
const hasPasskey = async (email: string) =>
  (await one(db, Found, sql`select exists (select from identity.pending_registrations where email = ${email} and state not in ('begun')) as found`)).found

test(`a member and a newcomer claim one grant: one has it, ${ROUNDS} rounds`, { timeout: ROUNDS * 10_000 + MINUTE_MS }, async () => {
  const admin = await whole.admin()
  const winners = { member: 0, newcomer: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const name = randomUUID().slice(0, 12).replaceAll('-', 'x')
    const member = new PersonClient(whole.url)
    await member.signUp({ email: `${name}@gmail.com`, displayName: 'Member' })
    const grant = { recipient_email: `${name}@gmail.com`, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000' }
    const { claim_token } = await admin.expect(201, 'POST', '/admin/grants', { ...grant, allow_existing: true }, { 'idempotency-key': randomUUID() })
    const newcomer = new PersonClient(whole.url)
    const email = `${name.slice(0, 3)}.${name.slice(3)}@gmail.com`
    // A signup has more to do before it claims: every second round the member lets it go first, to where only the code is missing.
    const joining = newcomer.signUp({ email, displayName: 'Newcomer', claimToken: claim_token })
    if (round % 2 === 1) await eventually(async () => expect(await hasPasskey(email)).toBe(true))
    const [claimed, joined] = await Promise.allSettled([member.expect(200, 'POST', '/me/claims', { claim_token }), joining])
    expect([claimed.status, joined.status].filter((status) => status === 'fulfilled')).toHaveLength(1)
    winners[claimed.status === 'fulfilled' ? 'member' : 'newcomer']++
    const winner = claimed.status === 'fulfilled' ? member : newcomer
    await eventually(async () => expect((await winner.expect(200, 'GET', '/me/credit')).balances).toMatchObject([{ settled: '100000' }]))
  }
  console.log(`won by members: ${winners.member}, by newcomers: ${winners.newcomer}`)
  const grants = await many(
    db,
    Grant,
    sql`select g.status, g.claimed_by_person_id, (select count(*)::int from credit.tx t where t.kind = 'issuance' and t.person_id = g.claimed_by_person_id) as issued
          from credit."grant" g`,
  )
  expect(grants).toHaveLength(ROUNDS)
  for (const each of grants) expect(each).toMatchObject({ status: 'claimed', claimed_by_person_id: expect.any(String), issued: 1 })
  await whole.holds()
})
