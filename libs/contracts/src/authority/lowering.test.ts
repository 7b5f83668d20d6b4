import { newId } from '@loomworks/kernel'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Act, beyondTerms } from './covering.ts'
import { lowers } from './lowering.ts'
import { Terms } from './terms.ts'

const PAYEES = ['tulsi', 'corner-cafe', 'noodle-bar'].map((id) => ({ connector: 'fake-wallet', id }))
const CONTACTS = [1, 2, 3].map((version) => ({ contact: newId<'contact'>(), version }))
const ENGAGEMENTS = [newId<'engagement'>(), newId<'engagement'>()] as const
const START = Date.parse('2030-01-01T00:00:00.000Z')
const DAY_MS = 86_400_000
const at = (days: number) => new Date(START + days * DAY_MS).toISOString()

const dinner = Terms.parse({
  capability: 'reservation.book',
  connector: 'fake-reservation',
  pay_via: 'fake-wallet',
  category: 'restaurants',
  zone: 'Europe/Berlin',
  stage: 3,
  money: { currency: 'USD', per_action_max: 5000, window: 'week', window_max: 10_000 },
  count: { window: 'day', max: 3 },
  payees: { list: PAYEES.slice(0, 2) },
  tolerance: { price_pct: 10, time_min: 30, substitute: true },
  discloses: ['address'],
  hours: 'any',
  starts_at: at(10),
  expires_at: at(100),
})
const letters = Terms.parse({
  ...dinner,
  capability: 'message.email',
  connector: 'fake-sms-email',
  pay_via: undefined,
  category: 'messages',
  money: undefined,
  payees: undefined,
  recipients: { contacts: CONTACTS.slice(0, 2) },
})
const money = (more: object) => ({ money: { ...dinner.money, ...more } })
const tolerance = (more: object) => ({ tolerance: { ...dinner.tolerance, ...more } })

describe('takes authority away', () => {
  test.each<readonly [string, Terms, object]>([
    ['nothing changed', dinner, {}],
    ['less for one action', dinner, money({ per_action_max: 4999 })],
    ['less in a window', dinner, money({ window_max: 9999 })],
    ['fewer actions', dinner, { count: { window: 'day', max: 2 } }],
    ['a lower stage', dinner, { stage: 2, tolerance: { price_pct: 0, time_min: 0, substitute: false } }],
    ['less tolerance', dinner, tolerance({ price_pct: 9 })],
    ['less time', dinner, tolerance({ time_min: 0 })],
    ['no substitute', dinner, tolerance({ substitute: false })],
    ['one payee less', dinner, { payees: { list: PAYEES.slice(0, 1) } }],
    ['the same payees in another order', dinner, { payees: { list: PAYEES.slice(0, 2).toReversed() } }],
    ['nobody to be paid unasked', dinner, { payees: undefined }],
    ['no wallet', dinner, { pay_via: undefined }],
    ['active hours alone', dinner, { hours: 'active' }],
    ['nothing told', dinner, { discloses: undefined }],
    ['a later start', dinner, { starts_at: at(11) }],
    ['an earlier end', dinner, { expires_at: at(99) }],
    ['one recipient less', letters, { recipients: { contacts: CONTACTS.slice(1, 2) } }],
    ['nobody to be written to unasked', letters, { recipients: undefined }],
  ])('%s', (_what, held, change) => {
    expect(lowers(held, Terms.parse({ ...held, ...change }))).toBe(true)
  })

  test('some of a category where all of it could be paid', () => {
    const any = Terms.parse({ ...dinner, payees: { any_in_category: true } })
    expect(lowers(any, dinner)).toBe(true)
    expect(lowers(dinner, any)).toBe(false)
  })
})

describe('gives authority', () => {
  test.each<readonly [string, Terms, object]>([
    ['more for one action', dinner, money({ per_action_max: 5001 })],
    ['more in a window', dinner, money({ window_max: 10_001 })],
    ['another window', dinner, money({ window: 'day' })],
    ['another currency', dinner, money({ currency: 'EUR' })],
    ['more actions', dinner, { count: { window: 'day', max: 4 } }],
    ['another window of actions', dinner, { count: { window: 'month', max: 3 } }],
    ['more tolerance', dinner, tolerance({ price_pct: 11 })],
    ['more time', dinner, tolerance({ time_min: 31 })],
    ['another payee', dinner, { payees: { list: PAYEES } }],
    ['another wallet', dinner, { pay_via: 'other-wallet' }],
    ['another connector', dinner, { connector: 'other-reservation' }],
    ['another category', dinner, { category: 'travel' }],
    ['another zone', dinner, { zone: 'Etc/UTC' }],
    ['more told', dinner, { discloses: ['address', 'phone'] }],
    ['an earlier start', dinner, { starts_at: at(9) }],
    ['a later end', dinner, { expires_at: at(101) }],
    ['another capability', letters, { capability: 'message.sms' }],
    ['money where there was none', letters, { money: dinner.money }],
    ['no limit to money', { ...letters, money: dinner.money }, { money: undefined }],
    ['a payee where there was none', letters, { payees: { list: PAYEES.slice(0, 1) } }],
    ['another recipient', letters, { recipients: { contacts: CONTACTS } }],
    ['a contact as it is now', letters, { recipients: { contacts: [{ ...CONTACTS[0], version: 9 }] } }],
    ['a group', letters, { recipients: { group: 'Favorites' } }],
  ])('%s', (_what, held, change) => {
    expect(lowers(held, Terms.parse({ ...held, ...change }))).toBe(false)
  })

  test.each<readonly [string, object, object]>([
    ['a stage', { stage: 1 }, { stage: 2 }],
    ['a substitute', { stage: 3 }, { stage: 3, tolerance: { price_pct: 0, time_min: 0, substitute: true } }],
    ['every hour', { hours: 'active' }, { hours: 'any' }],
    ['a recipient where there was none', { recipients: undefined }, { recipients: { engagement: ENGAGEMENTS[0] } }],
    ['another engagement', { recipients: { engagement: ENGAGEMENTS[0] } }, { recipients: { engagement: ENGAGEMENTS[1] } }],
    ['a wallet where there was none', { pay_via: undefined }, {}],
  ])('%s', (_what, before, after) => {
    const plain = { ...dinner, tolerance: { price_pct: 0, time_min: 0, substitute: false } }
    expect(lowers(Terms.parse({ ...plain, ...before }), Terms.parse({ ...plain, ...after }))).toBe(false)
  })
})

/** Terms near each other, so that every second pair is a lowering in most of its members. */
const someTerms: fc.Arbitrary<Terms> = fc
  .record({
    stage: fc.constantFrom(1, 2, 3),
    per: fc.integer({ min: 1, max: 4 }),
    window_max: fc.integer({ min: 4, max: 6 }),
    currency: fc.constantFrom('USD', 'USD', 'USD', 'EUR'),
    max: fc.integer({ min: 1, max: 3 }),
    price_pct: fc.integer({ min: 0, max: 2 }),
    substitute: fc.boolean(),
    payees: fc.constantFrom(undefined, { any_in_category: true }, ...[1, 2, 3].map((n) => ({ list: PAYEES.slice(0, n) }))),
    recipients: fc.constantFrom(undefined, { group: 'Favorites' }, ...[1, 2, 3].map((n) => ({ contacts: CONTACTS.slice(0, n) }))),
    pay_via: fc.constantFrom(undefined, 'fake-wallet'),
    hours: fc.constantFrom('any', 'active'),
    start: fc.integer({ min: 0, max: 2 }),
    end: fc.integer({ min: 3, max: 5 }),
  })
  .map(({ stage, per, window_max, currency, max, price_pct, substitute, start, end, ...rest }) =>
    Terms.parse({
      ...dinner,
      ...rest,
      stage,
      money: { currency, per_action_max: per, window: 'week', window_max },
      count: { window: 'day', max },
      tolerance: stage === 3 ? { price_pct, time_min: 0, substitute } : { price_pct: 0, time_min: 0, substitute: false },
      starts_at: at(start),
      expires_at: at(end),
    }),
  )
const someAct: fc.Arbitrary<Act> = fc.record({
  connector: fc.constantFrom('fake-reservation', 'fake-wallet'),
  capability: fc.constantFrom('reservation.book', 'payment.spend'),
  amount: fc.option(fc.record({ currency: fc.constantFrom('USD', 'EUR'), minor: fc.integer({ min: 1, max: 5 }) }), { nil: undefined }),
  payee: fc.option(fc.constantFrom(...PAYEES), { nil: undefined }),
  recipients: fc.option(fc.subarray(CONTACTS, { minLength: 1 }), { nil: undefined }),
  atMs: fc.integer({ min: 0, max: 5 }).map((days) => START + days * DAY_MS),
})
const CASES = { numRuns: 10_000 }

describe('of any terms', () => {
  test('lower ones cover nothing that the higher ones do not', () => {
    let lowered = 0
    fc.assert(
      fc.property(someTerms, someTerms, fc.array(someAct, { minLength: 8, maxLength: 8 }), (held, next, acts) => {
        if (!lowers(held, next)) return
        lowered++
        for (const act of acts) if (beyondTerms(next, act) === undefined) expect(beyondTerms(held, act)).toBeUndefined()
      }),
      CASES,
    )
    expect(lowered).toBeGreaterThan(20)
  })

  test('each lowers itself, two lower each other only as equals, and what is lower twice over is lower', () => {
    fc.assert(
      fc.property(someTerms, someTerms, someTerms, (one, two, three) => {
        expect(lowers(one, one)).toBe(true)
        if (lowers(one, two) && lowers(two, one)) expect(two).toEqual(one)
        if (lowers(one, two) && lowers(two, three)) expect(lowers(one, three)).toBe(true)
      }),
      CASES,
    )
  })

  test('one member raised is never a lowering, whatever else is lowered', () => {
    const raised: readonly ((terms: Terms) => object)[] = [
      (terms) => ({ count: { ...terms.count, max: terms.count.max + 1 } }),
      ({ money: held }) => ({ money: { ...held, per_action_max: (held?.per_action_max ?? 0) + 1, window_max: 99 } }),
      () => ({ expires_at: at(6) }),
      () => ({ starts_at: at(-1) }),
      () => ({ capability: 'calendar.write' }),
      () => ({ zone: 'Asia/Tokyo' }),
      () => ({ discloses: ['address', 'allergies'] }),
    ]
    fc.assert(
      fc.property(someTerms, someTerms, fc.constantFrom(...raised), (held, next, raise) => {
        expect(lowers(held, Terms.parse({ ...next, ...raise(held) }))).toBe(false)
      }),
      CASES,
    )
  })
})

describe('an act', () => {
  const act: Act = {
    connector: 'fake-wallet',
    capability: 'payment.spend',
    amount: { currency: 'USD', minor: 5000 },
    payee: PAYEES[0],
    atMs: START + 20 * DAY_MS,
  }
  const letter: Act = { connector: 'fake-sms-email', capability: 'message.email', recipients: CONTACTS.slice(0, 2), atMs: act.atMs }

  test.each<readonly [string, Terms, Act]>([
    ['a payment by the wallet that is named', dinner, act],
    ['the booking itself', dinner, { ...act, connector: 'fake-reservation', capability: 'reservation.book', amount: undefined, payee: undefined }],
    ['anybody of a category', Terms.parse({ ...dinner, payees: { any_in_category: true } }), { ...act, payee: { connector: 'x', id: 'y' } }],
    ['a letter to who is named', letters, letter],
    ['a letter to a group, whose members are known elsewhere', Terms.parse({ ...letters, recipients: { group: 'Favorites' } }), letter],
  ])('is covered: %s', (_what, terms, each) => {
    expect(beyondTerms(terms, each)).toBeUndefined()
  })

  test.each<readonly [string, Terms, Act]>([
    ['time', dinner, { ...act, atMs: START }],
    ['time', dinner, { ...act, atMs: START + 100 * DAY_MS }],
    ['connector', dinner, { ...act, connector: 'other-wallet' }],
    ['capability', dinner, { ...act, connector: 'fake-reservation', capability: 'calendar.write' }],
    ['connector', dinner, { ...act, capability: 'reservation.book' }],
    ['amount', dinner, { ...act, amount: { currency: 'USD', minor: 5001 } }],
    ['amount', dinner, { ...act, amount: { currency: 'EUR', minor: 1 } }],
    ['amount', dinner, { ...act, amount: undefined }],
    ['amount', letters, { ...letter, amount: { currency: 'USD', minor: 1 } }],
    ['payee', dinner, { ...act, payee: PAYEES[2] }],
    ['payee', dinner, { ...act, payee: undefined }],
    ['payee', Terms.parse({ ...dinner, payees: undefined }), act],
    ['recipients', letters, { ...letter, recipients: CONTACTS }],
    ['recipients', letters, { ...letter, recipients: undefined }],
    ['recipients', Terms.parse({ ...letters, recipients: undefined }), letter],
    ['recipients', dinner, { ...act, recipients: CONTACTS }],
  ])('is beyond by its %s', (beyond, terms, each) => {
    expect(beyondTerms(terms, each)).toBe(beyond)
  })
})

test.each<readonly [string, object]>([
  ['money that can move has a limit', { money: undefined }],
  ['one action is within the window', money({ per_action_max: 10_001 })],
  ['tolerance is for stage 3', { stage: 2 }],
  ['what is in no category is asked about', { category: 'other', stage: 2, tolerance: { price_pct: 0, time_min: 0, substitute: false } }],
  ['an end comes after the start', { expires_at: at(10) }],
  ['a contract lasts 366 days at most', { expires_at: at(377) }],
  ['a zone is one of the IANA list', { zone: 'Europe/Atlantis' }],
  ['a zone is no offset', { zone: '+01:00' }],
  ['a currency has three letters', money({ currency: 'Dollar' })],
  ['nothing else is in it', { more: true }],
])('terms: %s', (_what, change) => {
  expect(Terms.safeParse({ ...dinner, ...change }).success).toBe(false)
})
