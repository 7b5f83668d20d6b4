// On what ground a mandate is minted: a card, a contract, a connection (companion page §12, §20).
import type { MandateMode } from '@loomworks/contracts'
import { newId } from '@loomworks/kernel'
import { many, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import {
  type Authority,
  act,
  authorityOn,
  beyond,
  byCard,
  byConnection,
  byContract,
  type Card,
  type Connection,
  type Contract,
  DAY_MS,
  type Leg,
  onCard,
  PAYEE,
  payment,
  WALLET,
} from '../authority-story.ts'
import { somebody } from '../belonging-story.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'

const clock = fakeClock()
let bench: IdentityBench
let on: Authority
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
  on = authorityOn(bench)
})
afterAll(() => bench[Symbol.asyncDispose]())

describe('on a card', () => {
  test.each<readonly [string, (given: { card: Card; leg: Leg }) => object]>([
    ['that was never signed', ({ leg }) => byCard(on.card([leg]), leg)],
    ['whose price was changed', ({ card, leg }) => byCard({ ...card, lines: ['Pay $1.25'] }, leg)],
    ['of another kind', ({ leg }) => ({ ...byCard(on.card([leg]), leg), signed: { kind: 'connection', operation: on.connection() } })],
  ])('%s nothing is minted', async (_what, ground) => {
    const { ada, ...given } = await on.approving()
    expect(await on.mint(ada, ground(given))).toMatchObject(beyond('unsigned'))
  })

  test('an act that is not on it is none', async () => {
    const { ada, card, leg } = await on.approving()
    expect(await on.mint(ada, byCard(card, { ...leg, amount: { currency: 'USD', minor: 1251 } }))).toMatchObject(beyond('act'))
  })

  test('each of its calls is one', async () => {
    const ada = await somebody(bench)
    const legs = [payment(), payment({ aud: 'https://tables.example', capability: 'reservation.book', amount: undefined })]
    const card = on.card(legs)
    await on.sign(ada, 'approval', card)
    for (const leg of legs) {
      const { body } = await on.mint(ada, byCard(card, leg))
      expect(decodeJwt(body.mandate)).toMatchObject({ aud: leg.aud, capability: leg.capability, act: act(leg) })
      expect('amount' in decodeJwt(body.mandate)).toBe(leg.amount !== undefined)
    }
  })

  test('that was declined, or is somebody else’s, nothing is minted', async () => {
    const { ada, ground } = await on.approving({ decision: 'decline' })
    expect(await on.mint(ada, ground)).toMatchObject(beyond('decision'))
    const { ground: hers } = await on.approving()
    expect(await on.mint(await somebody(bench), hers)).toMatchObject(beyond('unsigned'))
  })

  test('nothing is minted once it is over, and nothing outlives it', async () => {
    const { ada, ground } = await on.approving()
    clock.advance(DAY_MS - 10_000)
    const { body } = await on.mint(ada, ground)
    const { iat = 0, exp = 0 } = decodeJwt(body.mandate)
    expect(exp - iat).toBe(10)
    clock.advance(10_000)
    expect(await on.mint(ada, ground)).toMatchObject(beyond('time'))
  })

  test('under a contract nothing is minted once that contract is another', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada, on.terms({ stage: 1 }))
    const { delegation_id: delegationId, terms, salt } = contract
    const leg = payment()
    const card = on.card([leg], onCard(contract, false))
    await on.sign(ada, 'approval', card)
    expect(await on.mint(ada, byCard(card, leg))).toMatchObject({ status: 200 })
    clock.advance(30_000)
    await on.issue({ kind: 'lower', personId: ada.personId, delegationId, version: 2, terms, salt, suspended: true })
    expect(await on.mint(ada, byCard(card, leg))).toMatchObject(beyond('contract'))
    expect(await on.mint(ada, byCard(card, leg), 'undo')).toMatchObject({ status: 200 })
  })
})

describe('on a contract', () => {
  test('what it covers is minted without asking', async () => {
    const { ada, leg, ground } = await on.spending()
    const { status, body } = await on.mint(ada, ground)
    expect(status).toBe(200)
    expect(decodeJwt(body.mandate)).toMatchObject({ aud: WALLET, capability: 'payment.spend', act: act(leg), amount: leg.amount, mode: 'do' })
  })

  test.each<readonly [string, Partial<Leg>]>([
    ['amount', { amount: { currency: 'USD', minor: 2001 } }],
    ['amount', { amount: undefined }],
    ['payee', { body: { payee: 'somebody-else' } }],
    ['payee', { body: {} }],
    ['payee', { body: { payee: { id: PAYEE.id } } }],
    ['capability', { capability: 'message.email' }],
    ['audience', { aud: 'https://elsewhere.example' }],
    ['recipients', { body: { payee: PAYEE.id, recipients: ['+1 555 0100'] } }],
    ['recipients', { body: { payee: PAYEE.id, recipients: 'all' } }],
  ])('what exceeds it by its %s is not', async (reason, change) => {
    const { ada, contract, connection } = await on.spending()
    expect(await on.mint(ada, byContract(contract, connection, payment(change)))).toMatchObject(beyond(reason))
  })

  test('of the first stage nothing is minted: each act is asked for', async () => {
    const { ada, ground } = await on.spending({ stage: 1 })
    expect(await on.mint(ada, ground)).toMatchObject(beyond('stage'))
  })

  test('nothing is minted before it begins, or once it is over', async () => {
    const { ada, ground } = await on.spending({ starts_at: on.inDays(1), expires_at: on.inDays(2) })
    expect(await on.mint(ada, ground)).toMatchObject(beyond('contract'))
    clock.advance(DAY_MS)
    expect(await on.mint(ada, ground)).toMatchObject({ status: 200 })
    clock.advance(DAY_MS)
    expect(await on.mint(ada, ground)).toMatchObject(beyond('contract'))
  })

  test('nothing is minted after its revocation was answered, or beyond what it was lowered to', async () => {
    const { ada, contract, connection, ground } = await on.spending()
    const { delegation_id: delegationId, terms, salt } = contract
    const lowered = { ...terms, money: { ...terms.money, per_action_max: 1249 } }
    await on.issue({ kind: 'lower', personId: ada.personId, delegationId, version: 2, terms: lowered, salt })
    expect(await on.mint(ada, ground)).toMatchObject(beyond('amount'))
    const less = byContract(contract, connection, payment({ amount: { currency: 'USD', minor: 1249 } }))
    expect(await on.mint(ada, less)).toMatchObject({ status: 200 })
    await on.issue({ kind: 'revoke', personId: ada.personId, delegationId, version: 3 })
    expect(await on.mint(ada, byContract(contract, connection, payment({ amount: { currency: 'USD', minor: 1 } })))).toMatchObject(beyond('contract'))
  })

  test('only its newest signature counts', async () => {
    const { ada, contract, connection, ground } = await on.spending()
    const next = on.contract(on.terms({ count: { window: 'day', max: 9 } }), { op: 'amend', delegation_id: contract.delegation_id, version: 2 })
    await on.sign(ada, 'delegation', next)
    expect(await on.mint(ada, ground)).toMatchObject(beyond('contract'))
    expect(await on.mint(ada, byContract(next, connection, payment()))).toMatchObject({ status: 200 })
  })

  test('that was made by a card of a higher stage what it covers is minted too', async () => {
    const { ada, contract, connection } = await on.spending()
    const wider = on.contract(on.terms({ count: { window: 'day', max: 9 } }), { delegation_id: contract.delegation_id, version: 2 })
    const card = on.card(undefined, onCard(wider, true))
    await on.sign(ada, 'approval', card)
    const ground = { ...byContract(wider, connection, payment()), signed: { kind: 'approval', operation: card } }
    expect(await on.mint(ada, ground)).toMatchObject({ status: 200 })
  })

  test.each<readonly [string, (given: { contract: Contract; leg: Leg; connection: Connection; card: Card }) => object]>([
    ['that was never signed', ({ connection, leg }) => byContract(on.contract(), connection, leg)],
    [
      'that is a card without one',
      ({ connection, leg, card, contract }) => ({ ...byContract(contract, connection, leg), signed: { kind: 'approval', operation: card } }),
    ],
  ])('%s nothing is minted', async (_what, ground) => {
    const { ada, ...given } = await on.spending()
    const card = on.card()
    await on.sign(ada, 'approval', card)
    expect(await on.mint(ada, ground({ ...given, card }))).toMatchObject(beyond('unsigned'))
  })

  test('nothing is minted for a service that the person has not linked, or has no more', async () => {
    const { ada, contract, connection, leg, ground } = await on.spending()
    const bob = await somebody(bench)
    expect(await on.mint(ada, byContract(contract, await on.linked(bob), leg))).toMatchObject(beyond('connection'))
    expect(await on.mint(ada, byContract(contract, on.connection(), leg))).toMatchObject(beyond('connection'))
    const other = await on.linked(ada, { connector: 'other-wallet' })
    expect(await on.mint(ada, byContract(contract, other, leg))).toMatchObject(beyond('connector'))
    expect(await bench.ask('DELETE', `/me/secrets/connection.${connection.connection_id}`, { session: ada.session })).toMatchObject({ status: 204 })
    expect(await on.mint(ada, ground)).toMatchObject(beyond('connection'))
  })

  test('letters go to whom it names', async () => {
    const ada = await somebody(bench)
    const [sarah, bob] = [1, 2].map((version) => ({ contact: newId<'contact'>(), version }))
    if (sarah === undefined || bob === undefined) throw new Error('two contacts')
    const terms = on.terms({
      capability: 'message.email',
      connector: 'fake-sms-email',
      category: 'messages',
      money: undefined,
      payees: undefined,
      recipients: { contacts: [sarah] },
    })
    const contract = await on.signedContract(ada, terms)
    const connection = await on.linked(ada, { connector: 'fake-sms-email', aud: 'https://letters.example' })
    const letter = (recipients: readonly string[]) =>
      payment({ aud: 'https://letters.example', capability: 'message.email', amount: undefined, body: { recipients: [...recipients], text: 'Hello' } })
    const to = (addresses: readonly string[], recipients?: readonly object[]) =>
      on.mint(ada, byContract(contract, connection, letter(addresses), { recipients }))
    expect(await to(['sarah@example.org'], [sarah])).toMatchObject({ status: 200 })
    expect(await to(['bob@example.org'], [bob])).toMatchObject(beyond('recipients'))
    expect(await to(['sarah@example.org'], [{ ...sarah, version: 2 }])).toMatchObject(beyond('recipients'))
    expect(await to(['sarah@example.org', 'bob@example.org'], [sarah])).toMatchObject(beyond('recipients'))
    expect(await to([])).toMatchObject(beyond('recipients'))
  })
})

describe('on a connection', () => {
  const look = (more: Partial<Leg> = {}) => payment({ capability: 'wallet.read', amount: undefined, body: { query: 'cards' }, ...more })

  test('it is read as often as it is asked, and nothing is noted of it', async () => {
    const ada = await somebody(bench)
    const connection = await on.linked(ada)
    const leg = look()
    for (const _again of [1, 2, 3]) {
      const { body } = await on.mint(ada, byConnection(connection, leg), 'read')
      expect(decodeJwt(body.mandate)).toMatchObject({ aud: WALLET, capability: 'wallet.read', mode: 'read', act: act(leg) })
    }
    expect(await many(bench.db, z.object({ act: z.string() }), sql`select act from identity.minted where act = ${act(leg)}`)).toEqual([])
  })

  test.each<readonly [string, MandateMode, Partial<Leg>]>([
    ['mode', 'do', {}],
    ['mode', 'status', {}],
    ['mode', 'undo', {}],
    ['capability', 'read', { capability: 'payment.spend' }],
    ['capability', 'read', { capability: 'calendar.read' }],
    ['amount', 'read', { amount: { currency: 'USD', minor: 1 } }],
    ['audience', 'read', { aud: 'https://elsewhere.example' }],
  ])('its %s is kept to: %s', async (reason, mode, change) => {
    const ada = await somebody(bench)
    expect(await on.mint(ada, byConnection(await on.linked(ada), look(change)), mode)).toMatchObject(beyond(reason))
  })

  test('that is not linked is not read, and nothing else is done by reading', async () => {
    const { ada, ground } = await on.spending()
    expect(await on.mint(ada, byConnection(on.connection(), look()), 'read')).toMatchObject(beyond('connection'))
    const unlinked = on.connection()
    await on.sign(ada, 'connection', unlinked)
    expect(await on.mint(ada, byConnection(unlinked, look()), 'read')).toMatchObject(beyond('connection'))
    expect(await on.mint(ada, ground, 'read')).toMatchObject(beyond('mode'))
    const { ada: eve, ground: card } = await on.approving()
    expect(await on.mint(eve, card, 'read')).toMatchObject(beyond('mode'))
  })
})
