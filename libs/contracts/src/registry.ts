// Every published message there is, so that audit maps all of them, the golden samples cover all of them, and an unknown one
// is known to be unknown.
import { Terminal } from '@loomworks/kernel'
import { DelegationChanged } from './events/companion.ts'
import { AccountStatusDecided, CreditsIssued, GrantClaimed, GrantIssued } from './events/credit.ts'
import {
  AccountStatusChanged,
  CredentialAdded,
  CredentialCloneSuspected,
  CredentialRemoved,
  EmailChanged,
  EnrolmentTokenIssued,
  IdentityFixupApplied,
  PersonActivated,
  PersonLocked,
  PersonNamesChanged,
  PersonUnlocked,
  RecoveryUsed,
  RoleGranted,
  RoleRevoked,
  SessionOpened,
  SessionRevoked,
  SignInThrottled,
  SigningKeyRotated,
} from './events/identity.ts'
import {
  AgentChanged,
  AgentTokenIssued,
  AgentTokenRevoked,
  FeedHeartbeat,
  MembershipChanged,
  MembershipGranted,
  MembershipRevoked,
} from './events/identity-belonging.ts'
import { KeyProvided, KeyRemoved, SettingChanged } from './events/identity-settings.ts'
import { EngagementOpened, EngagementStateChanged, MemoryEventRecorded } from './events/memory.ts'
import { OperatorActed, SagaAborted, SagaCompleted, SagaLookedUp, SagaStalled } from './events/sagas.ts'
import type { EventType, StepMessage } from './message.ts'
import { attachEngagement } from './saga/adopt-steps.ts'
import { admitClaim, settleClaim } from './saga/claim-steps.ts'
import { activatePerson, confirmGrant, createPendingPerson, inductPersonalEngagement, joinCommons, reserveGrant } from './saga/signup-steps.ts'

export const EVENT_TYPES: readonly EventType[] = [
  PersonActivated,
  PersonNamesChanged,
  EmailChanged,
  AccountStatusChanged,
  CredentialAdded,
  CredentialRemoved,
  CredentialCloneSuspected,
  RecoveryUsed,
  SignInThrottled,
  SessionOpened,
  SessionRevoked,
  PersonLocked,
  PersonUnlocked,
  RoleGranted,
  RoleRevoked,
  EnrolmentTokenIssued,
  IdentityFixupApplied,
  SigningKeyRotated,
  MembershipGranted,
  MembershipChanged,
  MembershipRevoked,
  AgentChanged,
  AgentTokenIssued,
  AgentTokenRevoked,
  FeedHeartbeat,
  SettingChanged,
  KeyProvided,
  KeyRemoved,
  MemoryEventRecorded,
  EngagementOpened,
  EngagementStateChanged,
  GrantIssued,
  GrantClaimed,
  CreditsIssued,
  AccountStatusDecided,
  DelegationChanged,
  SagaCompleted,
  SagaAborted,
  SagaStalled,
  OperatorActed,
  SagaLookedUp,
]

export const STEP_MESSAGES: readonly StepMessage[] = [
  reserveGrant,
  createPendingPerson,
  inductPersonalEngagement,
  joinCommons,
  activatePerson,
  confirmGrant,
  admitClaim,
  settleClaim,
  attachEngagement,
]

const byName = new Map(EVENT_TYPES.map((type) => [type.name, type]))

export function eventTypeOf(name: string): EventType | undefined {
  return byName.get(name)
}

/** Parses the data of an integration event as its newest version, lifting older ones. Terminal `schema` or `unknown_version`. */
export function parseEventData<T extends EventType>(type: T, v: number, data: unknown): ReturnType<T['schema']['parse']> {
  if (v > type.v || v < 1) throw new Terminal('unknown_version', `${type.name} v${v} is not known here`)
  const lifted = v < type.v && type.upcast ? type.upcast(data) : data
  const parsed = type.schema.safeParse(lifted)
  if (!parsed.success) throw new Terminal('schema', `${type.name} v${v} does not fit its schema`, { cause: parsed.error })
  return parsed.data as ReturnType<T['schema']['parse']>
}
