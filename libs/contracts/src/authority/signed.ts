// What a person signs with a passkey, exactly (companion page §7, §20). The bytes open with the kind, so that one kind never reads as another.
import { canonicalJson, hashOf, idOf, type JsonObject } from '@loomworks/kernel'
import { z } from 'zod'
import { At, HexHash } from '../fields.ts'
import { Capability, DelegationOp } from '../sets.ts'
import { ConnectorName, Money, Terms, termsHash } from './terms.ts'

const MAX_TEXT = 8000
const MAX_LEGS = 3

/** The URI by which a service outside is known. */
export const Audience = z.url().max(200)
/** 16 random bytes, base64url: what is hashed with it cannot be guessed. */
export const Salt = z.string().regex(/^[A-Za-z0-9_-]{22}$/)
const Text = z.string().min(1).max(MAX_TEXT)

/** What makes it one of a kind, where it is signed, and until when. */
const Ceremony = { nonce: Salt, expires_at: At, rp_id: z.string().min(1).max(253), locale: z.string().min(2).max(35) }

export const DelegationOperation = z
  .strictObject({
    op: DelegationOp,
    delegation_id: idOf<'delegation'>(),
    version: z.int().min(1),
    from_terms_hash: HexHash.optional(),
    terms: Terms,
    salt: Salt,
    terms_hash: HexHash,
    text: Text,
    template: z.string().min(1).max(80),
    ...Ceremony,
  })
  .refine(hashHolds, { path: ['terms_hash'], message: 'is that of the terms' })

export const ConnectionOperation = z.strictObject({
  connection_id: idOf<'connection'>(),
  connector: ConnectorName,
  aud: Audience,
  capabilities: z.array(Capability).min(1).max(20),
  scopes: z.array(z.string().min(1).max(200)).max(50),
  text: Text,
  ...Ceremony,
})

/** One call of one service. `act` stands for all that the service will see: `actOf`. */
const Leg = z.strictObject({ aud: Audience, capability: Capability, act: HexHash, amount: Money.optional() })
/** A contract as it stands, and one that the card makes or widens. */
const StandingContract = z.strictObject({ id: idOf<'delegation'>(), version: z.int().min(1), terms_hash: HexHash })
const NewContract = StandingContract.extend({ terms: Terms, salt: Salt }).refine(hashHolds, { path: ['terms_hash'], message: 'is that of the terms' })

export const ApprovalOperation = z.strictObject({
  decision: z.enum(['approve', 'decline', 'edit']),
  card_id: idOf<'card'>(),
  action_id: idOf<'action'>(),
  action_version: z.int().min(1),
  template: z.string().min(1).max(80),
  lines: z.array(z.string().max(200)).max(12),
  blocks: z.array(z.strictObject({ label: z.string().min(1).max(80), text: Text })).max(10),
  /** The rest of the action is the Companion's, and is signed with it. */
  action: z.looseObject({ legs: z.array(Leg).min(1).max(MAX_LEGS) }),
  /** The contract it is done under; with `terms` the signature also makes, or widens, that contract. */
  contract: z.union([StandingContract, NewContract]).optional(),
  ...Ceremony,
})

/** What lets something be done once it is signed. */
export const SignedKind = z.enum(['approval', 'delegation', 'connection'])
export type SignedKind = z.output<typeof SignedKind>

/** The bytes that are signed: the kind, a zero byte, the canonical operation (RFC 8785). Their SHA-256 is the challenge. */
export function signedBytes(kind: SignedKind, operation: JsonObject): string {
  return `loomworks/${kind}/1\u0000${canonicalJson(operation)}`
}

/** A call of a service as it is sent; `key` is what makes its repeat the same call. */
export const SentLeg = z.strictObject({
  salt: Salt,
  aud: Audience,
  capability: Capability,
  body: z.record(z.string(), z.json()),
  amount: Money.optional(),
  key: z.string().min(1).max(100),
})

/** What stands for a call wherever it is signed or allowed, and says nothing of it: SHA-256 of its canonical form. */
export function actOf(leg: z.output<typeof SentLeg>): string {
  return hashOf(leg)
}

function hashHolds({ terms, salt, terms_hash }: { readonly terms: Terms; readonly salt: string; readonly terms_hash: string }): boolean {
  return termsHash(terms, salt) === terms_hash
}
