import { confirmGrant, PersonActivated, reserveGrant } from '@loomworks/contracts'
import { type Id, newId, type PersonId, type SagaId, tokenHash } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { eventually, fakeClock, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { admin, creditBench, GRANT, hashesOf } from '../credit-bench.ts'

let bench: ServiceBench
const clock = fakeClock(Date.now())
beforeAll(async () => {
  bench = await creditBench(inject('adminUrl'), clock)
})
afterAll(() => bench[Symbol.asyncDispose]())
beforeEach(() => exec(bench.database.db, sql`truncate credit."grant", credit.email_grant_registry`))

interface Signup {
  readonly sagaId: SagaId
  readonly personId: PersonId
}
const signup = (): Signup => ({ sagaId: newId(), personId: newId() })
const issued = async (more: object = {}) =>
  (await admin(bench).post('/admin/grants', { ...GRANT, ...more })).body as { grant: { id: Id<'grant'> }; claim_token: string }

const reserve = ({ sagaId, personId }: Signup, token: string, email: string = GRANT.recipient_email, attempt = 1) =>
  bench.order(reserveGrant, { tokenHash: tokenHash(token), ...hashesOf(email), personId }, { sagaId, attempt })
const release = ({ sagaId, personId }: Signup) => bench.order(reserveGrant, { personId }, { sagaId, dir: 'undo' })
const confirm = ({ sagaId, personId }: Signup, grantId: string, attempt = 1) => bench.order(confirmGrant, { grantId, personId }, { sagaId, attempt })
const total = () => one(bench.database.db, z.object({ total: z.string() }), sql`select coalesce(sum(balance), 0)::text as total from credit.asset_balances`)

describe('reserve', () => {
  test('holds the grant for one saga, and says what it is worth', async () => {
    const { grant, claim_token } = await issued()
    const ada = signup()
    expect(await reserve(ada, claim_token)).toMatchObject({
      outcome: 'done',
      data: { grantId: grant.id, assetId: 'loomworks_credit_sonnet', amount: '100000', grantKind: 'operator_curated' },
    })
    expect(await reserve(ada, claim_token, GRANT.recipient_email, 2)).toMatchObject({ outcome: 'done', attempt: 2, data: { grantId: grant.id } })
    expect(await reserve(signup(), claim_token)).toMatchObject({ outcome: 'failed', code: 'claim.in_progress' })
  })

  test('an undo gives it back, and a late do has no effect', async () => {
    const { claim_token } = await issued()
    const ada = signup()
    await reserve(ada, claim_token)
    expect(await release(ada)).toMatchObject({ outcome: 'done', data: { effect: 'reversed' } })
    expect(await reserve(ada, claim_token, GRANT.recipient_email, 2)).toMatchObject({ outcome: 'refused' })
    expect(await reserve(signup(), claim_token)).toMatchObject({ outcome: 'done' })
  })

  test('an undo that comes before its do stands as a tombstone', async () => {
    const { claim_token } = await issued()
    const ada = signup()
    expect(await release(ada)).toMatchObject({ outcome: 'done', data: { effect: 'none' } })
    expect(await reserve(ada, claim_token)).toMatchObject({ outcome: 'refused' })
  })

  test('a held grant does not end while its saga runs', async () => {
    const { claim_token } = await issued({ expires_in_days: 1 })
    const ada = signup()
    await reserve(ada, claim_token)
    clock.advance(2 * 86_400_000)
    expect(await reserve(ada, claim_token, GRANT.recipient_email, 2)).toMatchObject({ outcome: 'done' })
  })

  test('fails for who issued it in their own name, and nobody else', async () => {
    const referrer = signup()
    await exec(bench.database.db, sql`insert into credit.account (person_id) values (${referrer.personId})`)
    const { claim_token } = await issued({ grant_kind: 'referrer_initiated', referrer_person_id: referrer.personId })
    expect(await reserve(referrer, claim_token)).toMatchObject({ outcome: 'failed', code: 'claim.email_mismatch' })
    expect(await reserve(signup(), claim_token)).toMatchObject({ outcome: 'done', data: { referredBy: referrer.personId } })
  })

  test.each([
    ['a token nobody knows', async () => reserve(signup(), 'lwc_nothing'), 'claim.token_unknown'],
    ['another address', async () => reserve(signup(), (await issued()).claim_token, 'bob@example.org'), 'claim.email_mismatch'],
    [
      'a grant whose time is over',
      async () => {
        const { claim_token } = await issued({ expires_in_days: 1 })
        clock.advance(86_400_000)
        return reserve(signup(), claim_token)
      },
      'claim.expired',
    ],
  ])('fails for %s', async (_, attempt, code) => {
    expect(await attempt()).toMatchObject({ outcome: 'failed', code })
  })

  test('of 50 sagas that want one grant exactly one holds it', async () => {
    const { claim_token } = await issued()
    const replies = await Promise.all(Array.from({ length: 50 }, () => reserve(signup(), claim_token)))
    expect(replies.filter(({ outcome }) => outcome === 'done')).toHaveLength(1)
    expect(new Set(replies.filter(({ outcome }) => outcome !== 'done').map(({ code }) => code))).toEqual(new Set(['claim.in_progress']))
  })
})

describe('confirm', () => {
  test('turns the grant into credit, once, whatever repeats', async () => {
    const { grant, claim_token } = await issued()
    const ada = signup()
    await reserve(ada, claim_token)
    expect(await confirm(ada, grant.id)).toMatchObject({ outcome: 'done', data: { flowTx: grant.id, balance: '100000' } })
    expect(await confirm(ada, grant.id, 2)).toMatchObject({ outcome: 'done', data: { balance: '100000' } })
    expect(await many(bench.database.db, z.object({ line: z.int() }), sql`select line from credit.flow where tx = ${grant.id}`)).toEqual([{ line: 1 }])
    expect(await total()).toEqual({ total: '0' })
    expect((await bench.person(ada.personId).get('/me/credit')).body).toMatchObject({
      account: { status: 'active', license_tier: 'granted', expires_at: expect.any(String) },
      balances: [{ asset: 'loomworks_credit_sonnet', settled: '100000', held: '0', available: '100000', base: '100000', percent: 100 }],
    })
    expect(await reserve(signup(), claim_token)).toMatchObject({ outcome: 'failed', code: 'claim.already_claimed' })
  })

  test('the plain address is dropped, the hash stays', async () => {
    const { grant, claim_token } = await issued()
    const ada = signup()
    await reserve(ada, claim_token)
    await confirm(ada, grant.id)
    const row = await one(
      bench.database.db,
      z.object({ recipient_email: z.string().nullable(), recipient_email_hash: z.string() }),
      sql`select recipient_email, recipient_email_hash from credit."grant" where id = ${grant.id}`,
    )
    expect(row).toEqual({ recipient_email: null, recipient_email_hash: hashesOf(GRANT.recipient_email).emailHash })
    expect(await admin(bench).post('/admin/grants', GRANT)).toMatchObject({ status: 409, body: { eligibility: 'already_granted' } })
    expect((await admin(bench).post('/admin/grants', { ...GRANT, allow_existing: true })).status).toBe(201)
  })
})

test('an activated person has an account, however often it is told', async () => {
  const personId = newId<'person'>()
  const fact = { personId, personalEngagementId: newId(), sagaId: newId(), claimed: false }
  await bench.publish(PersonActivated, fact, { cause: 'first' })
  await bench.publish(PersonActivated, fact, { cause: 'second' })
  await eventually(async () => {
    expect(
      await many(bench.database.db, z.object({ license_tier: z.string() }), sql`select license_tier from credit.account where person_id = ${personId}`),
    ).toEqual([{ license_tier: 'open' }])
  })
  expect((await bench.person(personId).get('/me/credit')).body).toMatchObject({ account: { status: 'active', license_tier: 'open' }, balances: [] })
})

test('before its row is here an account shows as new', async () => {
  expect((await bench.person(newId()).get('/me/credit')).body).toMatchObject({
    account: { status: 'active', license_tier: 'open' },
    balances: [],
    exhaustion_preference: 'pause',
  })
})
