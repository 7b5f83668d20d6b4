// Contracts as identity holds them: a signature raises one, everything else lowers it (companion page §20).
import { DelegationChanged, signedBytes, termsHash } from '@loomworks/contracts'
import { type Json, newId, sha256 } from '@loomworks/kernel'
import { exec, maybe, sql } from '@loomworks/sql'
import { eventually, fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type Authority, authorityOn, type Contract, DAY_MS, onCard, salt } from '../authority-story.ts'
import { heardOnBus, somebody } from '../belonging-story.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import type { SignedUp } from '../signing-up.ts'

const clock = fakeClock()
let bench: IdentityBench
let on: Authority
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
  on = authorityOn(bench)
})
afterAll(() => bench[Symbol.asyncDispose]())

const Row = z.object({ version: z.int(), terms_version: z.int(), state: z.string(), terms_hash: z.string(), person_id: z.string() })
const held = ({ delegation_id }: Contract) =>
  maybe(bench.db, Row, sql`select version, terms_version, state, terms_hash, person_id from identity.live_delegations where delegation_id = ${delegation_id}`)
const lower = ({ personId }: SignedUp, { delegation_id: delegationId, salt }: Contract, version: number, terms: object, more: object = {}) =>
  on.issue({ kind: 'lower', personId, delegationId, version, terms, salt, ...more })
const revoke = ({ personId }: SignedUp, { delegation_id: delegationId }: Contract, version: number) =>
  on.issue({ kind: 'revoke', personId, delegationId, version })
/** The next version of a contract, signed. */
const next = (who: SignedUp, former: Contract, terms: Contract['terms'], more: Partial<Contract>) =>
  on.sign(who, 'delegation', on.contract(on.terms(terms), { delegation_id: former.delegation_id, version: 2, ...more }))
/** A token with which the Companion acts by a version of a contract. */
const actingBy = ({ personId }: SignedUp, { delegation_id }: Contract, version: number) =>
  bench.internal('companion', 'POST', '/internal/tokens/exchange', {
    as: 'companion',
    approvalMode: 'pre_authorized',
    audience: 'memory',
    personId,
    capabilityRef: `delegation:${delegation_id}@${version}`,
  })
const outdated = { status: 409, body: { code: 'assertion.outdated' } }

describe('a signature', () => {
  test('makes a contract, and no row tells its terms', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    expect(await held(contract)).toEqual({ version: 1, terms_version: 1, state: 'active', terms_hash: contract.terms_hash, person_id: ada.personId })
    const [row] = (await bench.db.query(sql`select d::text as row from identity.live_delegations d where delegation_id = ${contract.delegation_id}`)).rows
    expect(JSON.stringify(row)).not.toContain('restaurants')
    expect(JSON.stringify(row)).not.toContain(Buffer.from('restaurants').toString('hex'))
  })

  test.each([
    ['amend', { capability: 'payment.spend', money: { currency: 'USD', per_action_max: 5000, window: 'week', window_max: 10_000 } }],
    ['raise', { stage: 3 }],
    ['resume', {}],
  ] as const)('to %s it raises it', async (op, change) => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    if (op === 'resume') await lower(ada, contract, 2, contract.terms, { suspended: true })
    expect(await next(ada, contract, { ...contract.terms, ...change }, { op, version: 3 })).toMatchObject({ status: 200 })
    expect(await held(contract)).toMatchObject({ version: 3, terms_version: 3, state: 'active' })
  })

  const RAISED = { none: ['grant', 'card of stage 1'], active: ['amend', 'raise', 'resume', 'card'], suspended: ['resume'], ended: [], over: [] } as const

  test.each(Object.entries(RAISED))('is good for a contract as it stands: %s', { timeout: 60_000 }, async (standing, good) => {
    for (const how of ['grant', 'amend', 'raise', 'resume', 'card', 'card of stage 1'] as const) {
      const ada = await somebody(bench)
      const former = standing === 'none' ? on.contract() : await on.signedContract(ada, on.terms({ expires_at: on.inDays(2) }))
      if (standing === 'suspended') await lower(ada, former, 2, former.terms, { suspended: true })
      if (standing === 'ended') await revoke(ada, former, 2)
      if (standing === 'over') clock.advance(2 * DAY_MS)
      const before = await held(former)
      const terms = on.terms({ stage: how === 'card of stage 1' ? 1 : 2 })
      const made = on.contract(terms, { delegation_id: former.delegation_id, version: 3, ...(!how.startsWith('card') && { op: how as 'grant' }) })
      const answer = how.startsWith('card') ? await on.sign(ada, 'approval', on.card(undefined, onCard(made, true))) : await on.sign(ada, 'delegation', made)
      const isGood = (good as readonly string[]).includes(how)
      expect([how, answer.status, answer.body.code]).toEqual([how, ...(isGood ? [200, undefined] : [409, 'assertion.outdated'])])
      expect(await held(former)).toEqual(isGood ? expect.objectContaining({ version: 3, terms_version: 3, state: 'active' }) : before)
    }
  })

  test('is good for a newer version alone', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    for (const op of ['amend', 'raise', 'resume'] as const) expect(await next(ada, contract, contract.terms, { op, version: 1 })).toMatchObject(outdated)
  })

  test('that is refused leaves no trace: it may be given anew', async () => {
    const ada = await somebody(bench)
    const early = on.contract(on.terms(), { op: 'amend' })
    expect(await on.sign(ada, 'delegation', early)).toMatchObject(outdated)
    await on.sign(ada, 'delegation', on.contract(on.terms(), { delegation_id: early.delegation_id, version: 1 }))
    expect(await on.sign(ada, 'delegation', { ...early, version: 2, nonce: salt() })).toMatchObject({ status: 200 })
  })

  test('is of whose contract it is', async () => {
    const [ada, bob] = [await somebody(bench), await somebody(bench)]
    const contract = await on.signedContract(ada)
    for (const op of ['amend', 'grant'] as const) expect(await next(bob, contract, contract.terms, { op })).toMatchObject(outdated)
    expect(await held(contract)).toMatchObject({ version: 1, person_id: ada.personId })
  })
})

describe('a card with new bounds', () => {
  const cardOf = (contract: Contract) => {
    return on.card(undefined, onCard(contract, true))
  }

  test('makes a contract of the first stage, and none of another', async () => {
    const ada = await somebody(bench)
    const [first, second] = [on.contract(on.terms({ stage: 1 })), on.contract(on.terms({ stage: 2 }))]
    expect(await on.sign(ada, 'approval', cardOf(first))).toMatchObject({ status: 200 })
    expect(await held(first)).toMatchObject({ version: 1, state: 'active' })
    expect(await on.sign(ada, 'approval', cardOf(second))).toMatchObject(outdated)
    expect(await held(second)).toBeUndefined()
  })

  test('widens one, and leaves it in its stage', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    const wider = (stage: 2 | 3) =>
      cardOf(on.contract(on.terms({ stage, count: { window: 'day', max: 9 } }), { delegation_id: contract.delegation_id, version: 2 }))
    expect(await on.sign(ada, 'approval', wider(3))).toMatchObject(outdated)
    expect(await on.sign(ada, 'approval', wider(2))).toMatchObject({ status: 200 })
    expect(await held(contract)).toMatchObject({ version: 2 })
  })

  test('that is declined makes none', async () => {
    const ada = await somebody(bench)
    const contract = on.contract(on.terms({ stage: 1 }))
    expect(await on.sign(ada, 'approval', { ...cardOf(contract), decision: 'decline' })).toMatchObject({ status: 200 })
    expect(await held(contract)).toBeUndefined()
  })
})

describe('what is to be signed', () => {
  test.each<readonly [string, string, (contract: Contract) => object]>([
    ['terms that are none', '/operation/terms/stage', (contract) => ({ ...contract, terms: { ...contract.terms, stage: 4 } })],
    ['a hash of other terms', '/operation/terms_hash', (contract) => ({ ...contract, terms_hash: '0'.repeat(64) })],
    ['another place', '/operation/rp_id', (contract) => ({ ...contract, rp_id: 'evil.example' })],
    ['a time that is over', '/operation/expires_at', (contract) => ({ ...contract, expires_at: on.inDays(-1) })],
    ['anything else in it', '/operation/more', (contract) => ({ ...contract, more: 1 })],
    ['more than a person could read', '/operation/text', (contract) => ({ ...contract, text: 'x'.repeat(8001) })],
  ])('is refused with %s, before anybody is asked', async (_what, pointer, wrong) => {
    const ada = await somebody(bench)
    const refused = { status: 422, body: { code: 'invalid_body', errors: [{ pointer }] } }
    expect(await on.begin(ada, 'delegation', wrong(on.contract()))).toMatchObject(refused)
  })

  test('is refused with a card that names a hash of other terms', async () => {
    const { contract } = onCard(on.contract(on.terms({ stage: 1 })), true)
    const card = on.card(undefined, { contract: { ...contract, terms_hash: '0'.repeat(64) } as never })
    expect(await on.begin(await somebody(bench), 'approval', card)).toMatchObject({ status: 422, body: { errors: [{ pointer: '/operation/contract' }] } })
  })

  test('with power is asked for by the Companion alone', async () => {
    const ada = await somebody(bench)
    const asked = { personId: ada.personId, kind: 'delegation', operation: on.contract() }
    expect(await bench.internal('memory', 'POST', '/internal/assertions:begin', asked)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
    const { operation, personId } = asked
    expect(await bench.internal('memory', 'POST', '/internal/assertions:begin', { personId, operation })).toMatchObject({ status: 200 })
  })

  test('is over when it says so, and waits under the person’s key', async () => {
    const ada = await somebody(bench)
    const contract = on.contract(on.terms(), { expires_at: on.inDays(1 / 1440) })
    const { body } = await on.begin(ada, 'delegation', contract)
    const [row] = (await bench.db.query(sql`select c::text as row from identity.challenges c where id = ${body.challengeId}`)).rows
    expect(JSON.stringify(row)).not.toContain(Buffer.from('authorize').toString('hex'))
    const assertion = ada.authenticator.authenticate(body.options)
    clock.advance(60_000)
    expect(await on.verify(body.challengeId, assertion)).toMatchObject({ status: 410, body: { code: 'assertion.expired' } })
    expect(await held(contract)).toBeUndefined()
  })

  test('of who is gone meanwhile is nobody’s', async () => {
    const ada = await somebody(bench)
    const { body } = await on.begin(ada, 'delegation', on.contract())
    const assertion = ada.authenticator.authenticate(body.options)
    await exec(bench.db, sql`update identity.subject_keys set wrapped = null, destroyed_at = now() where person_id = ${ada.personId}`)
    expect(await on.verify(body.challengeId, assertion)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    expect(await on.begin(ada, 'delegation', on.contract())).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('is signed once, under its own kind', async () => {
    const ada = await somebody(bench)
    const connection = on.connection()
    const [first, second] = [await on.begin(ada, 'connection', connection), await on.begin(ada, 'connection', connection)]
    expect(first.body.operationHash).toBe(sha256(signedBytes('connection', connection)))
    expect(second.body.operationHash).toBe(first.body.operationHash)
    const { body: plain } = await bench.internal('companion', 'POST', '/internal/assertions:begin', { personId: ada.personId, operation: connection })
    expect(plain.operationHash).not.toBe(first.body.operationHash)
    expect(await on.verify(first.body.challengeId, ada.authenticator.authenticate(first.body.options))).toMatchObject({ status: 200 })
    expect(await on.verify(second.body.challengeId, ada.authenticator.authenticate(second.body.options))).toMatchObject({
      status: 409,
      body: { code: 'assertion.used' },
    })
  })
})

describe('a lowering', () => {
  const less = ({ terms }: Contract) => ({ ...terms, count: { window: 'day', max: 1 } })

  test('counts at once, and once', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    const itsSalt = salt()
    for (const _again of [1, 2])
      expect(await lower(ada, contract, 2, less(contract), { salt: itsSalt })).toMatchObject({ status: 200, body: { version: 2, state: 'active' } })
    expect(await held(contract)).toMatchObject({ version: 2, terms_version: 2, terms_hash: termsHash(less(contract) as Json, itsSalt) })
  })

  test('that comes behind a newer one changes nothing', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    await lower(ada, contract, 3, less(contract), { suspended: true })
    const before = await held(contract)
    expect(await lower(ada, contract, 2, contract.terms)).toMatchObject({ status: 200, body: { version: 3, state: 'suspended' } })
    expect(await held(contract)).toEqual(before)
  })

  test('gives nothing: neither more than was signed nor what was taken before', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    const no = { status: 422, body: { code: 'ova.not_lower' } }
    expect(await lower(ada, contract, 2, { ...contract.terms, count: { window: 'day', max: 6 } })).toMatchObject(no)
    await lower(ada, contract, 2, less(contract))
    expect(await lower(ada, contract, 3, contract.terms)).toMatchObject(no)
    await lower(ada, contract, 3, less(contract), { suspended: true })
    expect(await lower(ada, contract, 4, less(contract))).toMatchObject({ status: 200, body: { version: 4, state: 'suspended' } })
    await revoke(ada, contract, 5)
    expect(await lower(ada, contract, 6, less(contract))).toMatchObject({ status: 200, body: { version: 6, state: 'ended' } })
  })

  test('ends a contract for ever, and again', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    for (const _again of [1, 2]) expect(await revoke(ada, contract, 2)).toMatchObject({ status: 200, body: { version: 2, state: 'ended' } })
    expect(await revoke(ada, contract, 1)).toMatchObject({ status: 200, body: { version: 2, state: 'ended' } })
  })

  test('is of the person’s own contract', async () => {
    const [ada, bob] = [await somebody(bench), await somebody(bench)]
    const contract = await on.signedContract(ada)
    const unknown = { status: 404, body: { code: 'not_found' } }
    expect(await revoke(bob, contract, 2)).toMatchObject(unknown)
    expect(await lower(bob, contract, 2, contract.terms)).toMatchObject(unknown)
    expect(await revoke(ada, on.contract(), 2)).toMatchObject(unknown)
    expect(await lower({ ...ada, personId: newId() }, contract, 2, contract.terms)).toMatchObject(unknown)
    expect(await held(contract)).toMatchObject({ version: 1, state: 'active' })
  })
})

describe('what the Companion tells of a contract', () => {
  const told = async (contract: Contract, personId: string, more: Partial<z.input<typeof DelegationChanged.schema>>) => {
    const { delegation_id: delegationId, terms, terms_hash } = contract
    const data = {
      delegationId,
      personId,
      version: 1,
      state: 'active' as const,
      stage: terms.stage,
      capability: terms.capability,
      termsHash: terms_hash,
      expiresAt: terms.expires_at,
      source: { stream: `delegation-${delegationId}`, eventId: newId() },
      ...more,
    }
    const cause = newId()
    for (const _again of [1, 2]) await heardOnBus(bench, DelegationChanged, data, { cause })
  }

  test.each([
    ['suspended', 'suspended'],
    ['revoked', 'ended'],
    ['expired', 'ended'],
    ['withdrawn', 'ended'],
  ] as const)('as %s makes it %s', async (state, standing) => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    await told(contract, ada.personId, { version: 2, state })
    await eventually(async () => expect(await held(contract)).toMatchObject({ version: 2, terms_version: 2, state: standing }))
  })

  test('never raises it', async () => {
    const ada = await somebody(bench)
    const [suspended, ended, unknown] = [await on.signedContract(ada), await on.signedContract(ada), on.contract()]
    await lower(ada, suspended, 2, suspended.terms, { suspended: true })
    await revoke(ada, ended, 2)
    for (const contract of [suspended, ended, unknown]) await told(contract, ada.personId, { version: 3, state: 'active' })
    await eventually(async () => expect(await held(suspended)).toMatchObject({ version: 3, state: 'suspended' }))
    await eventually(async () => expect(await held(ended)).toMatchObject({ version: 3, state: 'ended' }))
    expect(await held(unknown)).toBeUndefined()
  })

  test('of terms that are not known here stops it until they come', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    const lowered = { ...contract.terms, stage: 1 as const }
    await told(contract, ada.personId, { version: 2, stage: 1, termsHash: termsHash(lowered as Json, contract.salt) })
    await eventually(async () => expect(await held(contract)).toMatchObject({ version: 2, terms_version: 1 }))
    expect(await actingBy(ada, contract, 2)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
    expect(await lower(ada, contract, 2, lowered)).toMatchObject({ status: 200, body: { version: 2 } })
    expect(await held(contract)).toMatchObject({ version: 2, terms_version: 2, state: 'active' })
    expect(await actingBy(ada, contract, 2)).toMatchObject({ status: 200 })
  })

  test('late, or of somebody else’s, changes nothing', async () => {
    const [ada, bob] = [await somebody(bench), await somebody(bench)]
    const contract = await on.signedContract(ada)
    expect(await next(ada, contract, contract.terms, { op: 'amend', version: 5 })).toMatchObject({ status: 200 })
    await told(contract, ada.personId, { version: 4, state: 'revoked' })
    await told(contract, bob.personId, { version: 9, state: 'revoked' })
    // Events of one contract come in their order: once this one is known, those before it were heard.
    const { terms_hash: termsHash } = (await held(contract)) ?? {}
    await told(contract, ada.personId, { version: 6, termsHash })
    await eventually(async () => expect(await held(contract)).toMatchObject({ version: 6, terms_version: 6, state: 'active' }))
  })
})
