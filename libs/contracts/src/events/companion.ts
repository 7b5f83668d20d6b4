// Integration events of the Companion (companion page §13): ids and closed words, never terms or text.
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { At, HexHash } from '../fields.ts'
import { integrationEvent } from '../message.ts'
import { Capability, DelegationState } from '../sets.ts'

const DELEGATION = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c88'
const PERSON = '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11'

/** A contract as it is now. Every change of its terms, stage or state is a new version. */
export const DelegationChanged = integrationEvent('companion', 'DelegationChanged', {
  schema: z.strictObject({
    delegationId: idOf<'delegation'>(),
    personId: idOf<'person'>(),
    version: z.int().min(1),
    state: DelegationState,
    stage: z.int().min(1).max(3),
    capability: Capability,
    termsHash: HexHash,
    expiresAt: At,
    /** Of the signature, where this version was signed. */
    attestationDigest: HexHash.optional(),
    /** The event of the contract's stream that it tells. */
    source: z.strictObject({ stream: z.string().regex(/^delegation-[0-9a-f-]{36}$/), eventId: idOf<'event'>() }),
  }),
  priority: 'high',
  entity: (data) => data.delegationId,
  sample: {
    delegationId: DELEGATION,
    personId: PERSON,
    version: 2,
    state: 'suspended',
    stage: 2,
    capability: 'payment.spend',
    termsHash: 'ab'.repeat(32),
    expiresAt: '2030-02-02T03:04:05.678Z',
    source: { stream: `delegation-${DELEGATION}`, eventId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c89' },
  },
})
