// Every closed set that more than one service speaks of, once. SQL checks, OpenAPI enums and TypeScript types come from here.
import { z } from 'zod'

// identity
export const PersonState = z.enum(['pending', 'active', 'locked', 'erasing', 'erased'])
export const AccountStatus = z.enum(['active', 'exhausted', 'suspended', 'deleted'])
export const Designation = z.enum(['operator', 'contributor', 'domain_expert'])
export const Role = z.enum(['admin', 'support', 'auditor', 'ops'])
export const CredentialKind = z.enum(['passkey', 'totp', 'recovery_codes'])
export const SessionEnd = z.enum(['logout', 'revoked', 'reuse', 'locked', 'erased', 'recovery'])
export const AuthMethod = z.enum(['passkey', 'totp', 'recovery_code'])
/** What a session is kept to: a recovery login, or the time in which an erasure can still be called off. */
export const Restriction = z.enum(['recovery', 'erasing'])
/** What an operation also lets in: a restricted session, or a suspended account beyond what its scopes allow. */
export const Exception = z.enum([...Restriction.options, 'suspended'])
/** What is counted so that secrets cannot be guessed. */
export const ThrottleKind = z.enum(['totp', 'recovery', 'step_up', 'registration', 'claim', 'invitation', 'email_code'])
export const CredentialEnd = z.enum(['removed', 'replaced', 'recovery', 'erased'])
export const MembershipEnd = z.enum(['left', 'removed', 'agent_retired', 'erased', 'archived'])
export const AgentTokenEnd = z.enum(['revoked', 'agent_disabled', 'agent_retired', 'sponsor_gone'])
/** Who decides about the status of an account. */
export const Decider = z.enum(['credit', 'person', 'admin'])
export const AgentState = z.enum(['active', 'disabled', 'retired'])
export const SettingScope = z.enum(['system', 'engagement', 'person'])
export const SecretKind = z.enum(['api_key', 'oauth_token', 'smtp', 'issuer_key', 'other'])
export const PrincipalKind = z.enum(['person', 'agent'])
export const Scope = z.enum([
  'account.read',
  'account.write',
  'account.security',
  'vault.write',
  'memory.read',
  'memory.write',
  'memory.commit',
  'memory.erase',
  'engagement.manage',
  'companion.converse',
  'companion.approve',
  'credit.read',
  'activity.read',
  'admin.persons',
  'admin.grants',
  'admin.settings',
  'admin.audit',
  'audit.repair',
  'saga.read',
  'saga.act',
  'saga.force',
])

// memory
export const EngagementState = z.enum(['candidate', 'active', 'suspended', 'archived'])
export const Visibility = z.enum(['private', 'discoverable', 'automatic', 'personal'])
export const MemoryClass = z.enum(['personal', 'operational'])
export const Priority = z.enum(['critical', 'high', 'standard', 'low'])

// credit
export const GrantKind = z.enum(['form_initiated', 'operator_curated', 'referrer_initiated'])
export const CreditAsset = z.enum(['loomworks_credit_haiku', 'loomworks_credit_sonnet', 'loomworks_credit_opus'])
export const LineRole = z.enum(['classifier_input', 'classifier_output', 'responder_input', 'responder_output', 'credit_debit', 'credit', 'status'])

// companion
/** What a Companion can be let do (companion page §6). */
export const Capability = z.enum([
  'inform.notify',
  'memory.add',
  'engine.organize',
  'engine.shape',
  'engine.manifest',
  'reminder.set',
  'memory.commit',
  'calendar.read',
  'reservation.search',
  'place.lookup',
  'wallet.read',
  'reservation.book',
  'calendar.write',
  'message.draft',
  'payment.spend',
  'message.internal',
  'message.sms',
  'message.email',
])
export const ContractCategory = z.enum(['any', 'restaurants', 'transport', 'tickets', 'groceries', 'travel', 'household', 'calendar', 'messages', 'other'])
export const SpendingWindow = z.enum(['day', 'week', 'month'])
export const DelegationState = z.enum(['proposed', 'active', 'suspended', 'withdrawn', 'revoked', 'expired'])
/** What a person signs of a contract; everything else lowers it and needs no signature. */
export const DelegationOp = z.enum(['grant', 'amend', 'raise', 'resume'])
/** What a mandate lets its holder do with one act: carry it out, look something up, ask what became of it, take it back. */
export const MandateMode = z.enum(['do', 'read', 'status', 'undo'])

// sagas
export const SagaName = z.enum(['signup', 'claim', 'erasure', 'adopt'])
export const SagaState = z.enum(['requested', 'running', 'committed', 'compensating', 'completed', 'aborted'])
export const SagaOverlay = z.enum(['paused', 'stalled', 'forced'])
export const SagaDirection = z.enum(['do', 'undo'])
export const SagaOutcome = z.enum(['done', 'failed', 'refused', 'error'])
export const FenceState = z.enum(['done', 'failed', 'undone', 'tombstone'])
/** What an operator may do with an open saga. */
export const SagaAction = z.enum(['retry', 'resend', 'pause', 'unpause', 'cancel'])
/** What an operator does with sagas and dead letters, as it is recorded. */
export const OperatorAction = z.enum([...SagaAction.options, 'redrive', 'discard', 'reconcile'])
/** What sagas make or hold, and reconciling looks for. */
export const SagaEffectKind = z.enum(['person', 'engagement', 'grant'])
/** What became of one delivery of a command: answered, answered again, refused after an undo, an error, or its last one. */
export const DeliveryResult = z.enum(['ok', 'duplicate', 'refused', 'error', 'dead'])

export type PersonState = z.output<typeof PersonState>
export type AccountStatus = z.output<typeof AccountStatus>
export type Designation = z.output<typeof Designation>
export type Role = z.output<typeof Role>
export type Restriction = z.output<typeof Restriction>
export type Exception = z.output<typeof Exception>
export type ThrottleKind = z.output<typeof ThrottleKind>
export type SettingScope = z.output<typeof SettingScope>
export type SecretKind = z.output<typeof SecretKind>
export type Scope = z.output<typeof Scope>
export type Visibility = z.output<typeof Visibility>
export type EngagementState = z.output<typeof EngagementState>
export type Priority = z.output<typeof Priority>
export type GrantKind = z.output<typeof GrantKind>
export type CreditAsset = z.output<typeof CreditAsset>
export type Capability = z.output<typeof Capability>
export type DelegationState = z.output<typeof DelegationState>
export type MandateMode = z.output<typeof MandateMode>
export type SagaName = z.output<typeof SagaName>
export type SagaState = z.output<typeof SagaState>
export type SagaOverlay = z.output<typeof SagaOverlay>
export type SagaDirection = z.output<typeof SagaDirection>
export type SagaOutcome = z.output<typeof SagaOutcome>
export type SagaAction = z.output<typeof SagaAction>
export type FenceState = z.output<typeof FenceState>
export type DeliveryResult = z.output<typeof DeliveryResult>
