// Integration events of identity (identity page §11): persons, how they prove themselves, what staff does. No name, address, token or
// value is in any; facts about one person come with dense revisions.
import { Actor, idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { ClosedWord, FixupField } from '../fields.ts'
import { integrationEvent } from '../message.ts'
import { AccountStatus, AuthMethod, CredentialEnd, CredentialKind, Decider, Role, SessionEnd, ThrottleKind } from '../sets.ts'
import { Reason } from './sagas.ts'

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

export const EmailChanged = integrationEvent('identity', 'EmailChanged', {
  schema: z.strictObject({ personId, verified: z.boolean() }),
  priority: 'standard',
  entity: ofPerson,
  sample: { personId: PERSON, verified: true },
})

/** `decidedBy` tells whose decision it was: credit's evaluators, the person (a key of their own), an administrator. */
export const AccountStatusChanged = integrationEvent('identity', 'AccountStatusChanged', {
  schema: z.strictObject({
    personId,
    from: AccountStatus,
    to: AccountStatus,
    reason: ClosedWord,
    decidedBy: Decider,
    decisionId: idOf<'decision'>(),
  }),
  priority: 'high',
  entity: ofPerson,
  sample: {
    personId: PERSON,
    from: 'active',
    to: 'exhausted',
    reason: 'balance_empty',
    decidedBy: 'credit',
    decisionId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c77',
  },
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

export const CredentialRemoved = integrationEvent('identity', 'CredentialRemoved', {
  schema: z.strictObject({
    personId,
    credentialRef: idOf<'credential'>(),
    kind: CredentialKind,
    reason: CredentialEnd,
  }),
  priority: 'high',
  entity: ofPerson,
  sample: { personId: PERSON, credentialRef: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c55', kind: 'passkey', reason: 'removed' },
})

export const CredentialCloneSuspected = integrationEvent('identity', 'CredentialCloneSuspected', {
  schema: z.strictObject({ personId, credentialRef: idOf<'credential'>() }),
  priority: 'critical',
  entity: ofPerson,
  sample: { personId: PERSON, credentialRef: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c55' },
})

export const RecoveryUsed = integrationEvent('identity', 'RecoveryUsed', {
  schema: z.strictObject({ personId, codesLeft: z.int().min(0).max(10) }),
  priority: 'high',
  entity: ofPerson,
  sample: { personId: PERSON, codesLeft: 9 },
})

/** Somebody tries too often. Without a person where none is known to be meant. */
export const SignInThrottled = integrationEvent('identity', 'SignInThrottled', {
  schema: z.strictObject({ personId: personId.optional(), kind: ThrottleKind, throttleId: idOf<'throttle'>() }),
  priority: 'low',
  entity: (data) => data.personId ?? data.throttleId,
  sample: { personId: PERSON, kind: 'totp', throttleId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c78' },
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

const actOn = z.strictObject({ personId, by: Actor })
const ADMIN = { kind: 'person', id: '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c12' } as const
const actSample = { personId: PERSON, by: ADMIN }

/** Why is for the record of staff; a reason holds ids and no names. */
export const PersonLocked = integrationEvent('identity', 'PersonLocked', {
  schema: actOn.extend({ reason: Reason.optional() }),
  priority: 'critical',
  entity: ofPerson,
  sample: { ...actSample, reason: 'reported stolen, ticket 4711' },
})

export const PersonUnlocked = integrationEvent('identity', 'PersonUnlocked', { schema: actOn, priority: 'critical', entity: ofPerson, sample: actSample })

export const RoleGranted = integrationEvent('identity', 'RoleGranted', {
  schema: z.strictObject({ personId, by: Actor, role: Role }),
  priority: 'critical',
  entity: ofPerson,
  sample: { personId: PERSON, by: { kind: 'service', id: 'signup' }, role: 'admin' },
})

export const RoleRevoked = integrationEvent('identity', 'RoleRevoked', {
  schema: actOn.extend({ role: Role }),
  priority: 'critical',
  entity: ofPerson,
  sample: { ...actSample, role: 'support' },
})

export const EnrolmentTokenIssued = integrationEvent('identity', 'EnrolmentTokenIssued', {
  schema: actOn,
  priority: 'critical',
  entity: ofPerson,
  sample: actSample,
})

/** A command mended rows; `fields` names what of them. */
export const IdentityFixupApplied = integrationEvent('identity', 'IdentityFixupApplied', {
  schema: z.strictObject({ fixupId: idOf<'fixup'>(), personId: personId.optional(), fields: z.array(FixupField).max(50) }),
  priority: 'critical',
  entity: (data) => data.personId ?? data.fixupId,
  sample: { fixupId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c79', personId: PERSON, fields: ['personal_engagement_id'] },
})

export const SigningKeyRotated = integrationEvent('identity', 'SigningKeyRotated', {
  schema: z.strictObject({ kid: idOf<'signing_key'>() }),
  priority: 'critical',
  entity: (data) => data.kid,
  sample: { kid: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c80' },
})
