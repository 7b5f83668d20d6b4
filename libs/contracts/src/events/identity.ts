// Integration events of identity at the first signup (identity page §11).
import { Actor, idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { integrationEvent } from '../message.ts'
import { AuthMethod, CredentialKind, Designation, PrincipalKind, Role, SessionEnd } from '../sets.ts'

const personId = idOf<'person'>()
const PERSON = '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11'
const ENGAGEMENT = '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c22'
const ofPerson = (data: { personId: string }) => data.personId

export const PersonActivated = integrationEvent('identity', 'PersonActivated', {
  schema: z.strictObject({
    personId,
    personalEngagementId: idOf<'engagement'>(),
    sagaId: idOf<'saga'>(),
    referredBy: personId.optional(),
    claimed: z.boolean(),
  }),
  priority: 'high',
  entity: ofPerson,
  sample: { personId: PERSON, personalEngagementId: ENGAGEMENT, sagaId: '5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27', claimed: false },
})

export const PersonNamesChanged = integrationEvent('identity', 'PersonNamesChanged', {
  schema: z.strictObject({
    personId,
    fields: z
      .array(z.enum(['display_name', 'companion_name']))
      .min(1)
      .max(2),
  }),
  priority: 'low',
  entity: ofPerson,
  sample: { personId: PERSON, fields: ['companion_name'] },
})

export const CredentialAdded = integrationEvent('identity', 'CredentialAdded', {
  schema: z.strictObject({
    personId,
    credentialRef: idOf<'credential'>(),
    kind: CredentialKind,
    aaguid: z.guid().optional(),
    backedUp: z.boolean().optional(),
  }),
  priority: 'high',
  entity: ofPerson,
  sample: {
    personId: PERSON,
    credentialRef: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c55',
    kind: 'passkey',
    aaguid: '00000000-0000-0000-0000-000000000000',
    backedUp: false,
  },
})

export const CredentialCloneSuspected = integrationEvent('identity', 'CredentialCloneSuspected', {
  schema: z.strictObject({ personId, credentialRef: idOf<'credential'>() }),
  priority: 'critical',
  entity: ofPerson,
  sample: { personId: PERSON, credentialRef: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c55' },
})

export const SessionOpened = integrationEvent('identity', 'SessionOpened', {
  schema: z.strictObject({ personId, sessionId: idOf<'session'>(), amr: z.array(AuthMethod).min(1), newDevice: z.boolean() }),
  priority: 'low',
  entity: ofPerson,
  sample: { personId: PERSON, sessionId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c66', amr: ['passkey'], newDevice: false },
})

export const SessionRevoked = integrationEvent('identity', 'SessionRevoked', {
  schema: z.strictObject({ personId, sessionId: idOf<'session'>(), reason: SessionEnd }),
  priority: 'standard',
  entity: ofPerson,
  sample: { personId: PERSON, sessionId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c66', reason: 'logout' },
})

export const MembershipGranted = integrationEvent('identity', 'MembershipGranted', {
  schema: z.strictObject({
    membershipId: idOf<'membership'>(),
    principal: z.strictObject({ kind: PrincipalKind, id: idOf() }),
    engagementId: idOf<'engagement'>(),
    designations: z.array(Designation).min(1),
    commitAuthority: z.boolean(),
    operatorSequenceNumber: z.int().min(1).optional(),
    by: Actor,
    revision: z.int().min(1),
  }),
  priority: 'high',
  entity: (data) => data.principal.id,
  sample: {
    membershipId: '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c25',
    principal: { kind: 'person', id: PERSON },
    engagementId: ENGAGEMENT,
    designations: ['operator'],
    commitAuthority: false,
    operatorSequenceNumber: 1,
    by: { kind: 'service', id: 'signup' },
    revision: 1,
  },
})

export const RoleGranted = integrationEvent('identity', 'RoleGranted', {
  schema: z.strictObject({ personId, by: Actor, role: Role }),
  priority: 'critical',
  entity: ofPerson,
  sample: { personId: PERSON, by: { kind: 'service', id: 'signup' }, role: 'admin' },
})
