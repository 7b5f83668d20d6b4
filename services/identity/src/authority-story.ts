// What the tests about authority begin with: contracts, cards and connections as a Companion would have them signed, and a person who signs.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  type ApprovalOperation,
  actOf,
  type ConnectionOperation,
  type DelegationOperation,
  type MandateMode,
  SentLeg,
  type SignedKind,
  Terms,
  termsHash,
} from '@loomworks/contracts'
import { type Clock, type Json, newId, timeOf } from '@loomworks/kernel'
import { exec, sql } from '@loomworks/sql'
import type { z } from 'zod'
import { somebody } from './belonging-story.ts'
import type { Answer, IdentityBench } from './identity-bench.ts'
import type { SignedUp } from './signing-up.ts'

export const DAY_MS = 86_400_000
export const WALLET = 'https://wallet.example'
export const PAYEE = { connector: 'fake-wallet', id: 'corner-cafe' }
/** The key with which a Companion presents what it was given. */
export const HOLDER = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })

export type Contract = z.input<typeof DelegationOperation>
export type Card = z.input<typeof ApprovalOperation>
export type Connection = z.input<typeof ConnectionOperation>
export type Leg = z.input<typeof SentLeg>
type SomeTerms = Partial<z.input<typeof Terms>>

export const salt = (): string => randomBytes(16).toString('base64url')
export const act = (leg: Leg): string => actOf(SentLeg.parse(leg))

/** A call of the wallet: coffee for two. */
export function payment(more: Partial<Leg> = {}): Leg {
  return {
    salt: salt(),
    aud: WALLET,
    capability: 'payment.spend',
    body: { payee: PAYEE.id, context: 'two coffees and a cake, as every Friday' },
    amount: { currency: 'USD', minor: 1250 },
    key: `${newId()}/1`,
    ...more,
  }
}

/** What is put before a person to sign, at the time of a clock. */
function wordsAt(clock: Clock) {
  const inDays = (days: number) => timeOf(clock.now() + days * DAY_MS)
  const ceremony = () => ({ nonce: salt(), expires_at: inDays(1), rp_id: 'localhost', locale: 'en' })
  return {
    inDays,
    /** Up to twenty dollars for coffee, a hundred a week, without asking. */
    terms: (more: SomeTerms = {}): Terms =>
      Terms.parse({
        capability: 'payment.spend',
        connector: 'fake-wallet',
        category: 'restaurants',
        zone: 'Etc/UTC',
        stage: 2,
        money: { currency: 'USD', per_action_max: 2000, window: 'week', window_max: 10_000 },
        count: { window: 'day', max: 5 },
        payees: { list: [PAYEE] },
        tolerance: { price_pct: 0, time_min: 0, substitute: false },
        hours: 'any',
        starts_at: inDays(0),
        expires_at: inDays(180),
        ...more,
      }),
    contract(terms: Terms, more: Partial<Contract> = {}): Contract {
      const itsSalt = salt()
      const text = 'I authorize my Companion to spend up to $20 per transaction via the wallet.'
      const hash = termsHash(terms as Json, itsSalt)
      const said = { op: 'grant' as const, delegation_id: newId<'delegation'>(), version: 1, terms, salt: itsSalt, terms_hash: hash }
      return { ...said, text, template: 'spend/1', ...ceremony(), ...more }
    },
    card(legs: readonly Leg[] = [payment()], more: Partial<Card> = {}): Card {
      const named = { card_id: newId<'card'>(), action_id: newId<'action'>(), action_version: 1 }
      const shown = { template: 'spend/1', lines: ['Pay $12.50 to Corner Café'], blocks: [] }
      const action = { legs: legs.map((each) => ({ aud: each.aud, capability: each.capability, act: act(each), amount: each.amount })) }
      return { decision: 'approve', ...named, ...shown, action, ...ceremony(), ...more }
    },
    connection: (more: Partial<Connection> = {}): Connection => ({
      connection_id: newId<'connection'>(),
      connector: 'fake-wallet',
      aud: WALLET,
      capabilities: ['wallet.read', 'payment.spend'],
      scopes: ['wallet'],
      text: 'My Companion may use my wallet.',
      ...ceremony(),
      ...more,
    }),
  }
}

/** The contract as a card names it; with its terms the card makes, or widens, it. */
export function onCard({ delegation_id: id, version, terms, terms_hash, salt: itsSalt }: Contract, withTerms: boolean): Partial<Card> {
  return { contract: { id, version, terms_hash, ...(withTerms && { terms, salt: itsSalt }) } }
}

/** What is told where no signature covers what is asked. */
export const beyond = (reason: string) => ({ status: 403, body: { code: 'ova.mint_exceeds_signature', reason } })

export const byCard = (card: Card, of: Leg) => ({ by: 'card', signed: { kind: 'approval', operation: card }, act: act(of) })
export const byConnection = (connection: Connection, of: Leg) => ({ by: 'connection', connection, leg: of })
export const byContract = (contract: Contract, connection: Connection, of: Leg, more: object = {}) => ({
  by: 'contract',
  signed: { kind: 'delegation', operation: contract },
  connection,
  leg: of,
  ...more,
})

export function authorityOn(bench: IdentityBench) {
  const words = wordsAt(bench.platform.clock)
  const asCompanion = (url: string, body: object) => bench.internal('companion', 'POST', `/internal/${url}`, body)
  const begin = ({ personId }: SignedUp, kind: SignedKind, operation: object) => asCompanion('assertions:begin', { personId, kind, operation })
  const verify = (challengeId: string, assertion: unknown) => asCompanion('assertions:verify', { challengeId, assertion })
  const issue = (body: object) => asCompanion('ova/issue', body)
  const sign = async (who: SignedUp, kind: SignedKind, operation: object): Promise<Answer> => {
    const { status, body } = await begin(who, kind, operation)
    if (status !== 200) throw new Error(`nothing to sign: ${JSON.stringify(body)}`)
    return verify(body.challengeId, who.authenticator.authenticate(body.options))
  }
  const on = {
    ...words,
    begin,
    verify,
    sign,
    issue,
    contract: (terms = words.terms(), more?: Partial<Contract>) => words.contract(terms, more),
    mint: ({ personId }: { personId: string }, ground: object, mode: MandateMode = 'do') => issue({ kind: 'mandate', personId, mode, ground, holder: HOLDER }),
    /** A contract that the person has signed. */
    async signedContract(who: SignedUp, terms?: Terms): Promise<Contract> {
      const operation = on.contract(terms)
      await sign(who, 'delegation', operation)
      return operation
    },
    /** A connection that the person has signed and linked. */
    async linked(who: SignedUp, more?: Partial<Connection>): Promise<Connection> {
      const operation = words.connection(more)
      await sign(who, 'connection', operation)
      const secret = { value: 'a token of the wallet', kind: 'oauth_token' }
      await bench.ask('PUT', `/me/secrets/connection.${operation.connection_id}`, { session: who.session, body: secret })
      return operation
    },
    /** Somebody whose Companion may spend without asking, and a payment of theirs. */
    async spending(more?: SomeTerms) {
      const ada = await somebody(bench)
      const [contract, connection, call] = [await on.signedContract(ada, words.terms(more)), await on.linked(ada), payment()]
      return { ada, contract, connection, leg: call, ground: byContract(contract, connection, call) }
    },
    /** Somebody who has approved one payment. */
    async approving(more?: Partial<Card>) {
      const [ada, call] = [await somebody(bench), payment()]
      const card = words.card([call], more)
      await sign(ada, 'approval', card)
      return { ada, card, leg: call, ground: byCard(card, call) }
    },
  }
  return on
}
export type Authority = ReturnType<typeof authorityOn>

export function suspend(bench: IdentityBench, { personId }: SignedUp): Promise<number> {
  return exec(bench.db, sql`update identity.persons set account_status = 'suspended' where id = ${personId}`)
}
