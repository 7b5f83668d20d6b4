// What the Companion gets of identity to act with, and what takes it away (companion page §12, §20). Lowering and revoking are called before they are
// acknowledged to the person; from the answer on nothing is minted that they took away.
import { MandateMode, Salt, Terms } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { endDelegation, lowerDelegation } from '../../delegations.ts'
import { ova as refuse } from '../../errors.ts'
import { PublicJwk } from '../../key-pairs.ts'
import type { IdentityParts } from '../../parts.ts'
import { subjectKey } from '../../subject-keys.ts'
import { DelegationStanding } from '../../vocabulary.ts'
import { Ground } from '../grounds.ts'
import { mintMandate } from './minting.ts'

const Contract = { personId: idOf<'person'>(), delegationId: idOf<'delegation'>(), version: z.int().min(1) }
const MandateWanted = z.strictObject({
  kind: z.literal('mandate'),
  personId: idOf<'person'>(),
  mode: MandateMode,
  ground: Ground,
  holder: z.strictObject(PublicJwk.shape),
})
const Lowered = z.strictObject({ kind: z.literal('lower'), ...Contract, terms: Terms, salt: Salt, suspended: z.boolean().default(false) })
const Revoked = z.strictObject({ kind: z.literal('revoke'), ...Contract })
type Lowered = z.output<typeof Lowered>
type Revoked = z.output<typeof Revoked>

const Minted = z.object({ mandate: z.string(), expiresAt: z.string() })
const Standing = z.object({ version: z.int(), state: DelegationStanding })

export const issueRoute = operation({
  post: '/internal/ova/issue',
  id: 'issueMandate',
  summary: 'A mandate for one act that the person signed for; lower or end what they signed',
  internal: { auth: 'token', callers: ['companion'] },
  body: z.discriminatedUnion('kind', [MandateWanted, Lowered, Revoked]),
  /** Of a lowering that comes late, or again: how the contract stands. */
  reply: z.union([Minted, Standing]),
  refuses: [
    refuse.mint_exceeds_signature,
    refuse.mandate_open,
    refuse.attempts_spent,
    refuse.not_lower,
    shared.not_found,
    shared.actor_refused,
    shared.internal_token_invalid,
    shared.invalid_body,
  ],

  async answer({ body }, parts: IdentityParts) {
    switch (body.kind) {
      case 'mandate':
        return mintMandate(parts, body)
      case 'lower':
        return lowered(parts, body)
      case 'revoke':
        return revoked(parts, body)
      default:
        return body satisfies never
    }
  },
})

async function lowered(parts: IdentityParts, { delegationId: id, ...lowering }: Lowered) {
  const key = await subjectKey(parts, lowering.personId, 'identity')
  if (!Buffer.isBuffer(key)) throw shared.not_found()
  const stands = await parts.db.transaction((tx) => lowerDelegation(tx, { id, ...lowering }, key))
  if (stands === 'unknown') throw shared.not_found()
  if (stands === 'not_lower') throw refuse.not_lower()
  return stands
}

async function revoked({ db }: IdentityParts, { delegationId: id, personId, version }: Revoked) {
  const ended = await db.transaction((tx) => endDelegation(tx, { id, personId, version }))
  if (ended === undefined) throw shared.not_found()
  return { ...ended, state: 'ended' as const }
}
