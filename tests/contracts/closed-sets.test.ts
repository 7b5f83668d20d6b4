// A closed set is one zod schema; what the database checks is the same set. Every column whose CHECK lists words is named here.
import {
  AccountStatus,
  AgentState,
  DeliveryResult,
  Designation,
  EngagementState,
  FenceState,
  GrantKind,
  LineRole,
  MemoryClass,
  MemoryObjectType,
  PersonState,
  PrincipalKind,
  Priority,
  Role,
  SagaDirection,
  SagaName,
  SagaState,
  SecretKind,
  SessionEnd,
  SettingScope,
  SignedKind,
  ThrottleKind,
  Visibility,
} from '@loomworks/contracts'
import { ActorKind, Fact, ForayClass, ForayType, OwnerKind, WhoRole } from '@loomworks/foray'
import { ApprovalMode, ServiceName, Trust } from '@loomworks/kernel'
import { many, sql } from '@loomworks/sql'
import { PLATFORM_SCHEMAS, testDatabase } from '@loomworks/testing'
import { expect, inject, test } from 'vitest'
import { z } from 'zod'
import { SERVICES } from '../../dev/services.ts'
import { AssetKind, ExhaustionPreference, GrantStatus, LicenseTier, PartyKind, RegistryStatus, TxKind } from '../../services/credit/src/vocabulary.ts'
import {
  ChallengePurpose,
  CredentialState,
  DelegationStanding,
  EmailCodePurpose,
  EmailProof,
  EnrolmentState,
  InvitationState,
  KeyPurpose,
  LetterDecision,
  LetterState,
  OperationKind,
  RegistrationState,
  SessionDelivery,
  StepUpLevel,
  StoredRestriction,
} from '../../services/identity/src/vocabulary.ts'
import { ActivityKind, BindingKind, GateState, HolderKind, LifetimeKind } from '../../services/memory/src/vocabulary.ts'

const SETS: Readonly<Record<string, z.ZodEnum>> = {
  'audit.checkpoint.kind': z.enum(['flush', 'minute', 'close']),
  'audit.part.owner_kind': OwnerKind,
  'audit.part.role': WhoRole,
  'audit.record.actor_kind': ActorKind,
  'audit.record.approval_mode': ApprovalMode,
  'audit.record.class': ForayClass,
  'audit.record.fact': Fact,
  'audit.record.priority': Priority,
  'audit.record.service': ServiceName,
  'audit.record.type': ForayType,
  'companion.profile.account_status': AccountStatus,
  'credit.account.exhaustion_preference': ExhaustionPreference,
  'credit.account.license_tier': LicenseTier,
  'credit.account.status': AccountStatus,
  'credit.asset.kind': AssetKind,
  'credit.email_grant_registry.last_grant_status': RegistryStatus,
  'credit.flow.role': LineRole,
  'credit.grant.grant_kind': GrantKind,
  'credit.grant.status': GrantStatus,
  'credit.party.kind': PartyKind,
  'credit.saga_delivery.dir': SagaDirection,
  'credit.saga_delivery.result': DeliveryResult,
  'credit.saga_fence.state': FenceState,
  'credit.tx.kind': TxKind,
  'identity.agents.state': AgentState,
  'identity.challenges.kind': SignedKind,
  'identity.challenges.purpose': ChallengePurpose,
  'identity.dead_letter_decision.decision': LetterDecision,
  'identity.email_codes.purpose': EmailCodePurpose,
  'identity.live_delegations.state': DelegationStanding,
  'identity.mail_log.state': LetterState,
  'identity.engagement_ref.state': EngagementState,
  'identity.engagement_ref.visibility': Visibility.exclude(['personal']),
  'identity.enrolment_tokens.state': EnrolmentState,
  'identity.invitations.state': InvitationState,
  'identity.membership_designations.designation': Designation,
  'identity.memberships.principal_kind': PrincipalKind,
  'identity.pending_registrations.email_proof': EmailProof,
  'identity.pending_registrations.state': RegistrationState,
  'identity.person_roles.role': Role,
  'identity.persons.account_status': AccountStatus,
  'identity.persons.state': PersonState,
  'identity.saga_delivery.dir': SagaDirection,
  'identity.saga_delivery.result': DeliveryResult,
  'identity.saga_fence.state': FenceState,
  'identity.saga_open.definition': SagaName,
  'identity.saga_open.state': SagaState,
  'identity.secrets.kind': SecretKind,
  'identity.secrets.scope': SettingScope,
  'identity.sessions.delivery': SessionDelivery,
  'identity.sessions.replaced_restricted': StoredRestriction,
  'identity.sessions.replaced_step_up_level': StepUpLevel,
  'identity.sessions.restricted': StoredRestriction,
  'identity.sessions.revoked_reason': SessionEnd,
  'identity.sessions.step_up_level': StepUpLevel,
  'identity.settings.scope': SettingScope,
  'identity.signing_keys.purpose': KeyPurpose,
  'identity.throttles.kind': ThrottleKind,
  'identity.verified_operations.kind': OperationKind,
  'identity.webauthn_credentials.state': CredentialState,
  'memory.activity_v1.binding_kind': BindingKind,
  'memory.activity_v1.class': MemoryClass,
  'memory.activity_v1.kind': ActivityKind,
  'memory.activity_v1.persona_kind': PrincipalKind,
  'memory.current_memory_v1.binding_kind': BindingKind,
  'memory.current_memory_v1.class': MemoryClass,
  'memory.current_memory_v1.lifetime': LifetimeKind,
  'memory.current_memory_v1.persona_kind': PrincipalKind,
  'memory.current_memory_v1.trust': Trust,
  'memory.current_memory_v1.type': MemoryObjectType,
  'memory.duplicate_mark_v1.class': MemoryClass,
  'memory.duplicate_mark_v1.persona_kind': PrincipalKind,
  'memory.ended_holder.holder_kind': PrincipalKind,
  'memory.engagement_v1.state': EngagementState,
  'memory.engagement_v1.visibility': Visibility,
  'memory.holder_key.holder_kind': HolderKind,
  'memory.membership_v1.principal_kind': PrincipalKind,
  'memory.needs_you_v1.binding_kind': BindingKind,
  'memory.needs_you_v1.class': MemoryClass,
  'memory.needs_you_v1.persona_kind': PrincipalKind,
  'memory.personal_gate.state': GateState,
  'memory.saga_delivery.dir': SagaDirection,
  'memory.saga_delivery.result': DeliveryResult,
  'memory.saga_fence.state': FenceState,
}

const Check = z.object({ column: z.string(), definition: z.string() })

test('what the database checks is what the closed set says, column by column', async () => {
  const schemas = Object.fromEntries(
    SERVICES.flatMap(({ name, migrations: directory, reader = false }) => (directory === undefined ? [] : [[name, { directory, reader }]])),
  )
  await using database = await testDatabase(inject('adminUrl'), { ...PLATFORM_SCHEMAS, ...schemas })
  const checks = await many(
    database.db,
    Check,
    sql`select n.nspname || '.' || c.relname || '.' || a.attname as column, pg_get_constraintdef(k.oid) as definition
          from pg_constraint k
          join pg_class c on c.oid = k.conrelid
          join pg_namespace n on n.oid = c.relnamespace
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
         where k.contype = 'c' and cardinality(k.conkey) = 1 and n.nspname = any(${Object.keys(schemas)})
           and pg_get_constraintdef(k.oid) like '%= ANY (ARRAY[%'
         order by 1`,
  )
  const found = Object.fromEntries(
    checks.map(({ column, definition }) => [column, [...definition.matchAll(/'([^']+)'::text/g)].map(([, word]) => word).sort()]),
  )
  const expected = Object.fromEntries(Object.entries(SETS).map(([column, set]) => [column, [...set.options].map(String).sort()]))
  expect(found).toEqual(expected)
})
