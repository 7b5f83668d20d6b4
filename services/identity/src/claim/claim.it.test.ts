import { confirmGrant } from '@loomworks/contracts'
import { idOf, newId, sha256 } from '@loomworks/kernel'
import { exec, many, maybe, one, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { type SignedUp, signedUp } from '../signing-up.ts'
import { forgetNetwork, keepNetwork, sweepNetworks } from './ending.ts'

let bench: IdentityBench
let next = 0
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(() => bench.steps.clear())

const person = () => signedUp(bench, { email: `c${++next}@example.org` })
const claim = (who: SignedUp, token = `lwc_${who.personId}`) => bench.ask('POST', '/me/claims', { session: who.session, body: { claim_token: token } })
const statusOf = (who: SignedUp, id: string) => bench.ask('GET', `/me/claims/${id}`, { session: who.session })
const Standing = z.object({ account_status: z.string(), referred_by: z.string().nullable() })
const standing = ({ personId }: SignedUp) => one(bench.db, Standing, sql`select account_status, referred_by from identity.persons where id = ${personId}`)
/** The last claim of somebody, once the list of sagas knows of it. */
const sagaOf = ({ personId }: SignedUp) =>
  eventually(async () => {
    const row = z.object({ saga_id: z.string() })
    return (await one(bench.db, row, sql`select saga_id from identity.saga_open where definition = 'claim' and refs @> array[${personId}::uuid]`)).saga_id
  })
const refusedBy = (code: string) => () => ({ outcome: 'failed' as const, code })

describe('a member who claims a grant', () => {
  test('has it, and a repeat tells the same', async () => {
    const ada = await person()
    const claimed = { status: 200, body: { asset_id: 'loomworks_credit_sonnet', amount: '100000', balance: '100000' } }
    expect(await claim(ada)).toMatchObject(claimed)
    let confirmed = 0
    bench.steps.set('confirm/do', () => {
      confirmed++
      return { outcome: 'done', data: confirmGrant.sample.done }
    })
    expect(await claim(ada)).toMatchObject(claimed)
    expect(confirmed).toBe(0)
  })

  test.each([
    ['claim.token_unknown', 404],
    ['claim.already_claimed', 409],
    ['claim.in_progress', 409],
    ['claim.expired', 410],
    ['claim.revoked', 410],
    ['claim.email_mismatch', 403],
  ] as const)('is told why not, also afterwards: %s', async (code, status) => {
    const ada = await person()
    bench.steps.set('reserve/do', refusedBy(code))
    const why = { status, body: { code } }
    expect(await claim(ada)).toMatchObject(why)
    expect(await statusOf(ada, await sagaOf(ada))).toMatchObject(why)
  })

  test('of whose saga a step failed by a bug, or that an operator has cancelled, is told that', async () => {
    const [ada, bob] = [await person(), await person()]
    bench.steps.set('reserve/do', refusedBy('credit.no_such_code'))
    const bug = { status: 500, body: { code: 'saga.step_error' } }
    expect(await claim(ada)).toMatchObject(bug)
    expect(await statusOf(ada, await sagaOf(ada))).toMatchObject(bug)

    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    bench.steps.set('reserve/do', async () => {
      await held
      return { outcome: 'failed', code: 'claim.expired' }
    })
    const answer = claim(bob)
    const id = await sagaOf(bob)
    await eventually(async () => {
      const { revision } = (await bench.ask('GET', `/admin/sagas/${id}`, { session: bench.operatorToken })).body
      const body = { action: 'cancel', reason: 'ticket 12', expected_revision: revision }
      expect((await bench.ask('POST', `/admin/sagas/${id}/actions`, { session: bench.operatorToken, body })).status).toBe(200)
    })
    letGo()
    const cancelled = { status: 409, body: { code: 'saga.cancelled' } }
    expect(await answer).toMatchObject(cancelled)
    expect(await statusOf(bob, id)).toMatchObject(cancelled)
  })

  test('may try the same token again after it went back', async () => {
    const ada = await person()
    bench.steps.set('reserve/do', refusedBy('claim.in_progress'))
    expect(await claim(ada)).toMatchObject({ status: 409 })
    bench.steps.clear()
    expect(await claim(ada)).toMatchObject({ status: 200 })
  })

  test('five times undone waits', async () => {
    const ada = await person()
    bench.steps.set('reserve/do', refusedBy('claim.in_progress'))
    for (let n = 0; n < 5; n++) expect(await claim(ada)).toMatchObject({ status: 409 })
    expect(await claim(ada)).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
  })

  test('twice at once is one claim', async () => {
    const ada = await person()
    const answers = await Promise.all(Array.from({ length: 20 }, () => claim(ada)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const sagas = sql`select count(*)::int as count from identity.saga_open where definition = 'claim' and refs @> array[${ada.personId}::uuid]`
    await eventually(async () => expect((await one(bench.db, z.object({ count: z.int() }), sagas)).count).toBe(1))
  })

  test('who is locked meanwhile gets nothing, and the grant is given back', async () => {
    const ada = await person()
    const undone: string[] = []
    const held = await bench.hold(ada.session)
    bench.steps.set('reserve/do', async () => {
      await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
      return { outcome: 'done', data: { grantId: ada.personId, assetId: 'loomworks_credit_sonnet', amount: '1', grantKind: 'operator_curated' } }
    })
    bench.steps.set('reserve/undo', ({ data }) => {
      undone.push(String(data.personId))
      return { outcome: 'done', data: { effect: 'reversed' } }
    })
    const why = { status: 403, body: { code: 'claim.account_not_eligible' } }
    expect(await claim(ada)).toMatchObject(why)
    expect(undone).toEqual([ada.personId])
    expect(await held('GET', `/me/claims/${await sagaOf(ada)}`)).toMatchObject(why)
  })

  test('that takes long is told where to look, and nobody else may look there', async () => {
    const [ada, eve] = [await person(), await person()]
    const { promise: held, resolve: answer } = Promise.withResolvers<void>()
    bench.steps.set('reserve/do', async () => {
      await held
      return { outcome: 'done', data: { grantId: ada.personId, assetId: 'loomworks_credit_opus', amount: '7', grantKind: 'form_initiated' } }
    })
    const { status, body, headers } = await claim(ada)
    expect({ status, state: body.state, location: headers.location }).toEqual({ status: 202, state: 'pending', location: body.status_url })
    expect(await statusOf(ada, body.id)).toMatchObject({ status: 202, body: { state: 'pending' } })
    expect(await statusOf(eve, body.id)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    answer()
    await eventually(async () => expect(await statusOf(ada, body.id)).toMatchObject({ status: 200, body: { amount: '7' } }))
  })

  test('of nothing is told nothing', async () => {
    const ada = await person()
    expect(await statusOf(ada, ada.personId)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await statusOf(ada, 'x')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })
})

describe('what a claim settles', () => {
  test.each(['exhausted', 'suspended'])('who was %s is active again, and that is told', async (status) => {
    const ada = await person()
    await exec(bench.db, sql`update identity.persons set account_status = ${status} where id = ${ada.personId}`)
    expect(await claim(ada)).toMatchObject({ status: 200 })
    expect(await standing(ada)).toMatchObject({ account_status: 'active' })
    expect(await bench.told('AccountStatusChanged', ada.personId)).toMatchObject([
      { data: { from: status, to: 'active', reason: 'grant_claimed', decidedBy: 'credit' } },
    ])
  })

  test('who gave the grant is kept where nobody is named yet', async () => {
    const [ada, bob, eve] = [await person(), await person(), await person()]
    const from = (who: SignedUp) => () => ({
      outcome: 'done' as const,
      data: { grantId: who.personId, assetId: 'loomworks_credit_sonnet', amount: '1', grantKind: 'referrer_initiated', referredBy: who.personId },
    })
    bench.steps.set('reserve/do', from(bob))
    await claim(ada, 'one')
    bench.steps.set('reserve/do', from(eve))
    await claim(ada, 'two')
    expect(await standing(ada)).toMatchObject({ referred_by: bob.personId })
    bench.steps.set('reserve/do', from(bob))
    await claim(bob, 'three')
    expect(await standing(bob)).toMatchObject({ referred_by: null })
  })
})

test('ten unknown tokens from one network in a quarter of an hour: then every token waits', async () => {
  await using fresh = await identityBench({ adminUrl: inject('adminUrl') })
  const ada = await signedUp(fresh, { email: 'guess@example.org' })
  const guess = (token: string) => fresh.ask('POST', '/me/claims', { session: ada.session, body: { claim_token: token } })
  fresh.steps.set('reserve/do', refusedBy('claim.token_unknown'))
  for (let n = 0; n < 10; n++) expect(await guess(`lwc_${n}`)).toMatchObject({ status: 404 })
  fresh.steps.clear()
  expect(await guess('good')).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
})

describe('an unknown token is counted against the network it came from', () => {
  const Tries = z.object({ tries: z.int() })
  const tries = async (address: string) => {
    const kept = sql`select tries from identity.throttles where kind = 'claim' and key_hash = ${sha256(`${address.replace(/\d+$/, '0')}/24`)}`
    return (await maybe(bench.db, Tries, kept))?.tries ?? 0
  }
  const kept = () => many(bench.db, z.object({ saga_id: idOf<'saga'>() }), sql`select saga_id from identity.claim_networks`)
  const from = (address: string, who: SignedUp, token: string) =>
    bench.ask('POST', '/me/claims', { session: who.session, body: { claim_token: token }, headers: { 'x-client-ip': address } })

  test('once, before who asked is told', async () => {
    const ada = await person()
    bench.steps.set('reserve/do', refusedBy('claim.token_unknown'))
    for (let n = 1; n <= 5; n++) {
      expect(await from('198.51.100.7', ada, `lwc_${n}`)).toMatchObject({ status: 404 })
      expect(await tries('198.51.100.7')).toBe(n)
    }
    await eventually(async () => expect(await kept()).toEqual([]))
    expect(await tries('198.51.100.7')).toBe(5)
  })

  test('once, when that is found after who asked was told to wait, and not again when the end is told again', async () => {
    const ada = await person()
    const { promise: held, resolve: answer } = Promise.withResolvers<void>()
    bench.steps.set('reserve/do', async () => {
      await held
      return { outcome: 'failed', code: 'claim.token_unknown' }
    })
    const { status, body } = await from('198.51.101.7', ada, 'lwc_late')
    expect([status, await tries('198.51.101.7')]).toEqual([202, 0])
    expect(await kept()).toEqual([{ saga_id: body.id }])
    answer()
    await eventually(async () => expect(await tries('198.51.101.7')).toBe(1))
    expect(await kept()).toEqual([])
    await bench.db.transaction((tx) => forgetNetwork(tx, body.id, 'claim.token_unknown', Date.now()))
    await keepNetwork(bench.db, body.id, sha256('198.51.101.0/24'), Date.now())
    expect([await tries('198.51.101.7'), await kept()]).toEqual([1, []])
  })

  test('and nothing else is: neither a claim that ends otherwise nor one that is done', async () => {
    const ada = await person()
    bench.steps.set('reserve/do', refusedBy('claim.expired'))
    expect(await from('198.51.102.7', ada, 'lwc_old')).toMatchObject({ status: 410 })
    bench.steps.clear()
    expect(await from('198.51.102.7', ada, 'lwc_good')).toMatchObject({ status: 200 })
    await eventually(async () => expect(await kept()).toEqual([]))
    expect(await tries('198.51.102.7')).toBe(0)
  })

  test('where a claim came from that never began is forgotten after a day', async () => {
    const nowMs = Date.now()
    await keepNetwork(bench.db, newId(nowMs), 'old', nowMs - 86_400_000)
    await keepNetwork(bench.db, newId(nowMs), 'new', nowMs)
    expect(await sweepNetworks(bench.db, nowMs)).toBe(1)
    expect(await sweepNetworks(bench.db, nowMs + 86_400_000)).toBe(1)
  })
})
