import { BusEvent, GrantIssued } from '@loomworks/contracts'
import { newId, tokenHash } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { eventually, fakeClock, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { admin, creditBench, GRANT, hashesOf } from '../../credit-bench.ts'

let bench: ServiceBench
const clock = fakeClock(Date.now())
beforeAll(async () => {
  bench = await creditBench(inject('adminUrl'), clock)
})
afterAll(() => bench[Symbol.asyncDispose]())
beforeEach(() => exec(bench.database.db, sql`truncate credit."grant", credit.email_grant_registry`))

const issue = (more: object = {}) => admin(bench).post('/admin/grants', { ...GRANT, ...more })

test('a grant is issued with a token that is shown once and stored as its hash', async () => {
  const { status, body } = await issue({ campaign_ref: 'launch-1' })
  expect(status).toBe(201)
  expect(body.grant).toMatchObject({ status: 'pending_claim', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000', campaign_ref: 'launch-1' })
  expect(body.claim_token).toMatch(/^lwc_[A-Za-z0-9_-]{43}$/)
  expect(body.claim_url).toBe(`http://localhost:4400/claim?token=${body.claim_token}`)
  const row = await one(
    bench.database.db,
    z.object({ claim_token_hash: z.string(), recipient_email_hash: z.string() }),
    sql`select claim_token_hash, recipient_email_hash from credit."grant"`,
  )
  expect(row).toEqual({ claim_token_hash: tokenHash(body.claim_token), recipient_email_hash: hashesOf('ada@example.org').emailHash })
})

test('the fact leaves through the outbox, without address or token', async () => {
  const { body } = await issue()
  await eventually(async () => {
    const sent = []
    for await (const message of bench.platform.bus.browse('EVENTS', `evt.credit.*.${body.grant.id}.${GrantIssued.name}`)) sent.push(message.data)
    expect(sent).toHaveLength(1)
    expect(sent[0]).not.toMatch(/ada@|lwc_/)
    expect(BusEvent.parse(JSON.parse(sent[0] ?? ''))).toMatchObject({ type: 'GrantIssued', actor: { kind: 'person' } })
  })
})

describe('is refused:', () => {
  test('who carries no token', async () => {
    expect(await bench.stranger.post('/admin/grants', GRANT)).toMatchObject({ status: 401, body: { code: 'internal_token_invalid' } })
  })
  test('who is no admin, and an admin without a fresh passkey proof', async () => {
    expect(await bench.person(newId(), { steppedUp: true }).post('/admin/grants', GRANT)).toMatchObject({ status: 403, body: { code: 'auth.role_missing' } })
    expect(await bench.person(newId(), { roles: ['admin'], scopes: ['admin.grants'] }).post('/admin/grants', GRANT)).toMatchObject({
      status: 403,
      body: { code: 'step_up_required', level: 'passkey' },
    })
  })
  test.each([
    ['an asset that is no credit', { asset_id: 'anthropic_opus_4_input' }, 'grant.asset_unknown'],
    ['no units', { credit_amount: '0' }, 'grant.amount_invalid'],
    ['a thousand million and one', { credit_amount: '1000000001' }, 'grant.amount_invalid'],
    ['an amount that is no whole number', { credit_amount: '1.5' }, 'grant.amount_invalid'],
    ['a referral without a referrer', { grant_kind: 'referrer_initiated' }, 'grant.referrer_invalid'],
    ['a referrer nobody knows', { grant_kind: 'referrer_initiated', referrer_person_id: newId() }, 'grant.referrer_invalid'],
    ['a referrer of a curated grant', { referrer_person_id: newId() }, 'grant.referrer_invalid'],
    ['an address without an @', { recipient_email: 'ada' }, 'invalid_body'],
    ['an address with a control character', { recipient_email: 'a\u0000da@example.org' }, 'invalid_body'],
    ['a member nobody knows', { bonus: true }, 'invalid_body'],
    ['a campaign with a space', { campaign_ref: 'a b' }, 'invalid_body'],
    ['366 days', { expires_in_days: 366 }, 'invalid_body'],
  ])('%s', async (_, more, code) => {
    expect(await issue(more)).toMatchObject({ status: 422, body: { code } })
    expect(await many(bench.database.db, z.object({ id: z.guid() }), sql`select id from credit."grant"`)).toEqual([])
  })
})

describe('an address that got a grant before', () => {
  test('is pending until its time is over, in whichever form it is written', async () => {
    expect((await issue({ recipient_email: 'a.da@gmail.com' })).status).toBe(201)
    expect(await issue({ recipient_email: 'ADA+x@googlemail.com' })).toMatchObject({
      status: 409,
      body: { code: 'grant.ineligible', eligibility: 'pending_claim_exists', matched: 'email_normalized_hash', expires_at: expect.any(String) },
    })
  })
  test('cools down after the grant has ended unclaimed, then may get another', async () => {
    await issue({ expires_in_days: 1 })
    clock.advance(86_400_000)
    expect(await issue()).toMatchObject({ status: 409, body: { eligibility: 'cooling_down', matched: 'email_hash', retry_at: expect.any(String) } })
    const kept = await one(
      bench.database.db,
      z.object({ recipient_email: z.string().nullable(), status: z.string() }),
      sql`select recipient_email, status from credit."grant"`,
    )
    expect(kept).toEqual({ recipient_email: null, status: 'expired' })
    clock.advance(30 * 86_400_000)
    expect((await issue()).status).toBe(201)
  })
})

test('of 20 issues to one address at the same moment exactly one is a grant', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => issue()))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  for (const { status, body } of answers) if (status !== 201) expect(body).toMatchObject({ code: 'grant.ineligible', eligibility: 'pending_claim_exists' })
})

describe('under one Idempotency-Key', () => {
  const key = () => ({ headers: { 'idempotency-key': newId() } })
  const grants = () => many(bench.database.db, z.object({ id: z.guid() }), sql`select id from credit."grant"`)

  test('a grant is issued once; asked again, the answer comes again without its token', async () => {
    const who = admin(bench)
    const once = key()
    const first = await who.post('/admin/grants', GRANT, once)
    const again = await who.post('/admin/grants', GRANT, once)
    expect(again).toMatchObject({ status: 201, body: { grant: first.body.grant }, headers: { 'idempotency-replayed': 'true' } })
    expect(Object.keys(again.body)).toEqual(['grant'])
    expect(first.headers['idempotency-replayed']).toBeUndefined()
    expect(await grants()).toHaveLength(1)
  })

  test('another request is refused', async () => {
    const who = admin(bench)
    const once = key()
    await who.post('/admin/grants', GRANT, once)
    expect(await who.post('/admin/grants', { ...GRANT, credit_amount: '5' }, once)).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } })
    expect(await grants()).toHaveLength(1)
  })

  test('the order of members and spaces between them are no other request', async () => {
    const who = admin(bench)
    const once = key()
    await who.post('/admin/grants', GRANT, once)
    const turned = JSON.stringify(Object.fromEntries(Object.entries(GRANT).toReversed()), null, 3)
    expect(await who.post('/admin/grants', turned, once)).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' } })
  })

  test('somebody else issues a grant of their own', async () => {
    const once = key()
    await admin(bench).post('/admin/grants', GRANT, once)
    const other = await admin(bench).post('/admin/grants', { ...GRANT, recipient_email: 'bob@example.org' }, once)
    expect(other).toMatchObject({ status: 201, body: { claim_token: expect.any(String) } })
  })

  test('what was refused keeps nothing: it is judged anew', async () => {
    const who = admin(bench)
    const once = key()
    expect((await who.post('/admin/grants', { ...GRANT, asset_id: 'gold' }, once)).status).toBe(422)
    expect((await who.post('/admin/grants', GRANT, once)).status).toBe(201)
  })

  test('of 20 at the same moment one is the grant, and each other its answer or told to wait', async () => {
    const who = admin(bench)
    const once = key()
    const answers = await Promise.all(Array.from({ length: 20 }, () => who.post('/admin/grants', GRANT, once)))
    expect(answers.filter(({ body }) => body.claim_token !== undefined)).toHaveLength(1)
    for (const { status, body, headers } of answers) {
      if (status === 201) expect(body.grant.id).toBe((await grants())[0]?.id)
      else expect([status, body.code, headers['retry-after']]).toEqual([409, 'idempotency.in_flight', '1'])
    }
    expect(await grants()).toHaveLength(1)
  })

  test('after a day the key is new again, and old replies are gone', async () => {
    const who = admin(bench)
    const once = key()
    await who.post('/admin/grants', GRANT, once)
    clock.advance(86_400_000)
    const later = await who.post('/admin/grants', { ...GRANT, recipient_email: 'eve@example.org' }, once)
    expect(later).toMatchObject({ status: 201, body: { claim_token: expect.any(String) } })
    const kept = await many(bench.database.db, z.object({ key_digest: z.string() }), sql`select key_digest from credit.idempotency_key`)
    expect(kept).toHaveLength(1)
  })

  test('neither key, address nor token is kept', async () => {
    const once = key()
    const { body } = await admin(bench).post('/admin/grants', GRANT, once)
    const rows = await many(bench.database.db, z.looseObject({}), sql`select * from credit.idempotency_key`)
    const text = JSON.stringify(rows)
    for (const secret of [once.headers['idempotency-key'], GRANT.recipient_email, body.claim_token]) expect(text).not.toContain(secret)
    expect(text).toContain(body.grant.id)
  })
})

test('without an Idempotency-Key no grant is issued', async () => {
  const who = bench.person(newId(), { roles: ['admin'], scopes: ['admin.grants'], steppedUp: true })
  expect(await who.post('/admin/grants', GRANT)).toMatchObject({ status: 400, body: { code: 'idempotency.key_missing' } })
})
