// Integration events of identity (identity page §11): who belongs where, and which agents act there.
import { Actor, idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { integrationEvent } from '../message.ts'
import { AgentState, AgentTokenEnd, Designation, MembershipEnd, PrincipalKind, Scope } from '../sets.ts'

const PERSON = '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11'
const ENGAGEMENT = '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c22'
const AGENT = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c81'

/** A membership as it is. Its revision counts its changes from 1; who hears them out of order keeps the highest. */
const membership = z.strictObject({
  membershipId: idOf<'membership'>(),
  principal: z.strictObject({ kind: PrincipalKind, id: idOf() }),
  engagementId: idOf<'engagement'>(),
  designations: z.array(Designation).min(1),
  commitAuthority: z.boolean(),
  operatorSequenceNumber: z.int().min(1).optional(),
  by: Actor,
  revision: z.int().min(1),
})
const ofPrincipal = (data: z.output<typeof membership>) => data.principal.id
const membershipSample = {
  membershipId: '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c25',
  principal: { kind: 'person', id: PERSON },
  engagementId: ENGAGEMENT,
  designations: ['operator'],
  commitAuthority: false,
  operatorSequenceNumber: 1,
  by: { kind: 'service', id: 'signup' },
  revision: 1,
} satisfies z.input<typeof membership>

export const MembershipGranted = integrationEvent('identity', 'MembershipGranted', {
  schema: membership,
  priority: 'high',
  entity: ofPrincipal,
  sample: membershipSample,
})

export const MembershipChanged = integrationEvent('identity', 'MembershipChanged', {
  schema: membership,
  priority: 'high',
  entity: ofPrincipal,
  sample: { ...membershipSample, designations: ['contributor'], commitAuthority: true, revision: 2 },
})

/** As it was when it ended. */
export const MembershipRevoked = integrationEvent('identity', 'MembershipRevoked', {
  schema: membership.extend({ reason: MembershipEnd }),
  priority: 'high',
  entity: ofPrincipal,
  sample: { ...membershipSample, reason: 'left', revision: 3 },
})

/** Also the first and the last. An agent without an engagement belongs to the system. */
export const AgentChanged = integrationEvent('identity', 'AgentChanged', {
  schema: z.strictObject({
    agentId: idOf<'agent'>(),
    engagementId: idOf<'engagement'>().optional(),
    instructionVersion: z.int().min(1),
    sponsorId: idOf<'person'>().optional(),
    state: AgentState,
  }),
  priority: 'standard',
  entity: (data) => data.agentId,
  sample: { agentId: AGENT, engagementId: ENGAGEMENT, instructionVersion: 1, sponsorId: PERSON, state: 'active' },
})

const agentToken = z.strictObject({ agentId: idOf<'agent'>(), tokenId: idOf<'agent_token'>(), scopes: z.array(Scope).min(1), expiresAt: z.iso.datetime() })
const tokenSample = {
  agentId: AGENT,
  tokenId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c82',
  scopes: ['memory.read'],
  expiresAt: '2030-01-02T03:04:05.678Z',
} satisfies z.input<typeof agentToken>

export const AgentTokenIssued = integrationEvent('identity', 'AgentTokenIssued', {
  schema: agentToken,
  priority: 'high',
  entity: (data) => data.agentId,
  sample: tokenSample,
})

export const AgentTokenRevoked = integrationEvent('identity', 'AgentTokenRevoked', {
  schema: agentToken.extend({ reason: AgentTokenEnd }),
  priority: 'high',
  entity: (data) => data.agentId,
  sample: { ...tokenSample, reason: 'revoked' },
})

/** Every ten seconds, so that who keeps what identity tells knows whether it can be heard. Audit does not record it. */
export const FeedHeartbeat = integrationEvent('identity', 'FeedHeartbeat', {
  schema: z.strictObject({ beat: z.int().min(0) }),
  entity: () => 'feed',
  sample: { beat: 189_345_600 },
})
