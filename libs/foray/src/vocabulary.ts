// What a record may say of itself: classes, types and facts are closed, and each type has events that make it.
import { type Actor, idOf } from '@loomworks/kernel'
import { z } from 'zod'

export const ForayClass = z.enum(['flow', 'event', 'action', 'lifecycle', 'migration'])
export type ForayClass = z.output<typeof ForayClass>

export const ForayType = z.enum([
  'person_lifecycle',
  'identity_change',
  'session_change',
  'role_change',
  'membership_change',
  'agent_change',
  'key_change',
  'setting_change',
  'account_lifecycle',
  'delegation_lifecycle',
  'data_migration',
  'engagement_lifecycle',
  'memory_change',
  'workspace_operation',
  'credit_flow',
  'grant_change',
  'saga_outcome',
  'operator_action',
  'operator_lookup',
])
export type ForayType = z.output<typeof ForayType>

export const Fact = z.enum([
  'person_activated',
  'person_locked',
  'person_unlocked',
  'person_names_changed',
  'email_changed',
  'credential_added',
  'credential_removed',
  'credential_clone_suspected',
  'recovery_used',
  'sign_in_throttled',
  'enrolment_token_issued',
  'session_opened',
  'session_revoked',
  'role_granted',
  'role_revoked',
  'membership_granted',
  'membership_changed',
  'membership_revoked',
  'agent_changed',
  'agent_token_issued',
  'agent_token_revoked',
  'key_provided',
  'key_removed',
  'signing_key_rotated',
  'setting_changed',
  'account_status_changed',
  'identity_fixup_applied',
  'engagement_opened',
  'engagement_archived',
  'engagement_voided',
  'display_numbers_taken',
  'memory_added',
  'memory_recorded',
  'memory_committed',
  'memory_superseded',
  'memory_retracted',
  'credits_issued',
  'grant_issued',
  'grant_claimed',
  'account_status_decided',
  'delegation_proposed',
  'delegation_active',
  'delegation_suspended',
  'delegation_withdrawn',
  'delegation_revoked',
  'delegation_expired',
  'saga_completed',
  'saga_aborted',
  'saga_stalled',
  'operator_acted',
  'saga_looked_up',
])
export type Fact = z.output<typeof Fact>

/** Which class the records of a type have. */
export const CLASS_OF: Readonly<Record<ForayType, ForayClass>> = {
  person_lifecycle: 'lifecycle',
  identity_change: 'event',
  session_change: 'event',
  role_change: 'event',
  membership_change: 'event',
  agent_change: 'event',
  key_change: 'event',
  setting_change: 'event',
  account_lifecycle: 'lifecycle',
  delegation_lifecycle: 'lifecycle',
  data_migration: 'migration',
  engagement_lifecycle: 'lifecycle',
  memory_change: 'event',
  workspace_operation: 'event',
  credit_flow: 'flow',
  grant_change: 'event',
  saga_outcome: 'event',
  operator_action: 'event',
  operator_lookup: 'event',
}

export const WhoRole = z.enum(['actor', 'principal', 'subject', 'approver', 'counterparty', 'by'])
export const OwnerKind = z.enum(['person', 'engagement', 'deployment'])
export const ActorKind = z.enum(['person', 'companion', 'agent', 'service'])
export const InstitutionCode = z.enum(['dunin7', 'anthropic', 'absorbed'])

export type Owner = { readonly k: 'person' | 'engagement'; readonly id: string } | { readonly k: 'deployment' }

/** Whose a `who` is: the person's (a Companion is its person's), else the deployment's. */
export function ownerOfActor(actor: Actor): Owner {
  return actor.kind === 'person' || actor.kind === 'companion' ? { k: 'person', id: actor.id } : { k: 'deployment' }
}

/** An id of any kind; a record does not care which. */
export const anyId: z.ZodType<string, string> = idOf()
