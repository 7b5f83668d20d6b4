// Every published event → one record, as a pure table. An event that has no entry here has a reason in NOT_RECORDED; a test compares
// both with the contracts.
import {
  AccountStatusChanged,
  AccountStatusDecided,
  AgentChanged,
  AgentTokenIssued,
  AgentTokenRevoked,
  type BusEvent,
  CredentialAdded,
  CredentialCloneSuspected,
  CredentialRemoved,
  CreditsIssued,
  DelegationChanged,
  EmailChanged,
  EnrolmentTokenIssued,
  type EventType,
  GrantClaimed,
  GrantIssued,
  IdentityFixupApplied,
  KeyProvided,
  KeyRemoved,
  MembershipChanged,
  MembershipGranted,
  MembershipRevoked,
  MemoryEventRecorded,
  type MemoryFactType,
  OperatorActed,
  PersonActivated,
  PersonLocked,
  PersonNamesChanged,
  PersonUnlocked,
  type Priority,
  RecoveryUsed,
  RoleGranted,
  RoleRevoked,
  SagaAborted,
  SagaCompleted,
  SagaLookedUp,
  SagaStalled,
  SessionOpened,
  SessionRevoked,
  SettingChanged,
  type SettingScope,
  SignInThrottled,
  SigningKeyRotated,
  settingSpec,
  WELL_KNOWN_ENGAGEMENTS,
} from '@loomworks/contracts'
import { type Actor, canonicalJson, sha256 } from '@loomworks/kernel'
import type { z } from 'zod'
import type { PartyRef, What } from './record.ts'
import { Fact, type ForayType, type Owner } from './vocabulary.ts'

/** Somebody who took part beside the actor. */
export interface Participant {
  readonly role: 'subject' | 'by' | 'counterparty'
  readonly kind: 'person' | 'agent' | 'service' | 'companion'
  readonly id: string
}

/** A line of a flow, its parties still by name. */
export interface NamedValue {
  readonly line: number
  readonly tx?: string
  readonly from: string
  readonly to: string
  readonly asset: NonNullable<What['what']['values']>[number]['asset']
  readonly quantity: string
}

export interface Mapped {
  readonly type: ForayType
  readonly fact: Fact
  readonly priority: Priority
  /** Whose the `what` is. */
  readonly owner: Owner
  readonly data: What['what']['data']
  readonly others: readonly Participant[]
  readonly about?: Pick<What['what'], 'engagement' | 'object' | 'object_version' | 'attestation_digest'>
  /** Where the fact stands in a chain of its own, where it is known better than from the bus. */
  readonly source?: Partial<What['what']['source']>
  readonly tx?: string
  readonly values?: readonly NamedValue[]
}

/** What a mapping says of an event; fact and priority are the event type's where it does not say. */
type Said = Omit<Mapped, 'fact' | 'priority'> & Partial<Pick<Mapped, 'fact' | 'priority'>>
type Mapper = (event: BusEvent, data: never) => Mapped

const person = (id: string): Owner => ({ k: 'person', id })
const subject = (id: string): Participant => ({ role: 'subject', kind: 'person', id })

function entry<S extends z.ZodType>(type: EventType<string, S>, map: (data: z.output<S>, event: BusEvent) => Said): readonly [string, Mapper] {
  const mapper = (event: BusEvent, data: z.output<S>): Mapped => {
    const said = map(data, event)
    return { ...said, fact: said.fact ?? Fact.parse(snakeCased(type.name)), priority: said.priority ?? type.priority ?? 'standard' }
  }
  return [type.name, mapper]
}

function memoryEntry(): readonly [string, Mapper] {
  const map = (event: BusEvent, data: z.output<typeof MemoryEventRecorded.schema>): Mapped => {
    const type = memoryTypeOf(data.type)
    const { object, objectVersion, objectType, position } = data
    const payload =
      type === 'memory_change' ? { position, ...(objectType && { object_type: objectType }), ...(data.class && { class: data.class }) } : { position }
    return {
      type,
      fact: Fact.parse(snakeCased(data.type)),
      priority: data.priority,
      owner: data.personalOwner === undefined ? { k: 'engagement', id: data.engagement } : person(data.personalOwner),
      data: payload,
      others: data.personalOwner === undefined || data.personalOwner === event.actor.id ? [] : [subject(data.personalOwner)],
      about: { engagement: data.engagement, ...(object && { object }), ...(objectVersion !== undefined && { object_version: objectVersion }) },
      source: { stream: data.stream, revision: data.revision, event_id: data.eventId, hash: data.hash, prev_hash: data.prevHash },
    }
  }
  return [MemoryEventRecorded.name, map as Mapper]
}

function memoryTypeOf(type: z.output<typeof MemoryFactType>): ForayType {
  if (type === 'DisplayNumbersTaken') return 'workspace_operation'
  return type.startsWith('Engagement') ? 'engagement_lifecycle' : 'memory_change'
}

const MAPPING: ReadonlyMap<string, Mapper> = new Map<string, Mapper>([
  entry(PersonActivated, ({ personId, personalEngagementId, sagaId, claimed, referredBy }) => ({
    type: 'person_lifecycle',
    owner: person(personId),
    data: { personal_engagement_id: personalEngagementId, saga_id: sagaId, claimed },
    others: [subject(personId), ...(referredBy === undefined ? [] : [{ role: 'counterparty', kind: 'person', id: referredBy } as const])],
  })),
  entry(PersonNamesChanged, ({ personId, fields }) => ({ type: 'identity_change', owner: person(personId), data: { fields }, others: [subject(personId)] })),
  entry(CredentialAdded, ({ personId, credentialRef, kind, aaguid, backedUp }) => ({
    type: 'identity_change',
    owner: person(personId),
    data: { credential_ref: credentialRef, kind, ...(aaguid !== undefined && { aaguid }), ...(backedUp !== undefined && { backed_up: backedUp }) },
    others: [subject(personId)],
  })),
  ...([CredentialCloneSuspected, CredentialRemoved] as const).map((type) => entry(type, credentialChange)),
  entry(EmailChanged, ({ personId, verified }) => ({ type: 'identity_change', owner: person(personId), data: { verified }, others: [subject(personId)] })),
  entry(RecoveryUsed, ({ personId, codesLeft }) => ({
    type: 'identity_change',
    owner: person(personId),
    data: { codes_left: codesLeft },
    others: [subject(personId)],
  })),
  entry(SignInThrottled, ({ personId, kind, throttleId }) => ({
    type: 'identity_change',
    owner: personId === undefined ? { k: 'deployment' } : person(personId),
    data: { throttle: kind, throttle_id: throttleId },
    others: personId === undefined ? [] : [subject(personId)],
  })),
  entry(EnrolmentTokenIssued, ({ personId, by }) => ({ type: 'identity_change', owner: person(personId), data: {}, others: [subject(personId), byActor(by)] })),
  ...([PersonLocked, PersonUnlocked] as const).map((type) => entry(type, lockChange)),
  entry(AccountStatusChanged, ({ personId, from, to, reason, decidedBy, decisionId }) => ({
    type: 'account_lifecycle',
    owner: person(personId),
    data: { from, to, reason, decided_by: decidedBy, decision_id: decisionId },
    others: [subject(personId)],
  })),
  entry(SessionOpened, ({ personId, sessionId, amr, newDevice }) => ({
    type: 'session_change',
    owner: person(personId),
    data: { session_id: sessionId, amr, new_device: newDevice },
    others: [subject(personId)],
  })),
  entry(SessionRevoked, ({ personId, sessionId, reason }) => ({
    type: 'session_change',
    owner: person(personId),
    data: { session_id: sessionId, reason },
    others: [subject(personId)],
  })),
  ...([RoleGranted, RoleRevoked] as const).map((type) => entry(type, roleChange)),
  ...([MembershipGranted, MembershipChanged, MembershipRevoked] as const).map((type) => entry(type, membershipChange)),
  entry(AgentChanged, ({ agentId, engagementId, instructionVersion, sponsorId, state }) => ({
    ...agentChange(agentId, sponsorId),
    data: { agent_id: agentId, instruction_version: instructionVersion, state, ...(sponsorId !== undefined && { sponsor_id: sponsorId }) },
    owner: ownerIn(engagementId),
    ...(engagementId !== undefined && { about: { engagement: engagementId } }),
  })),
  entry(AgentTokenIssued, ({ agentId, tokenId, scopes, expiresAt }) => ({
    ...agentChange(agentId),
    data: { agent_id: agentId, token_id: tokenId, scopes, expires_at: expiresAt },
  })),
  entry(AgentTokenRevoked, ({ agentId, tokenId, scopes, expiresAt, reason }) => ({
    ...agentChange(agentId),
    data: { agent_id: agentId, token_id: tokenId, scopes, expires_at: expiresAt, reason },
  })),
  entry(SettingChanged, ({ scope, scopeId, key, from, to, version }) => ({
    type: 'setting_change',
    ...(settingSpec(key)?.raisesAuthority && { priority: 'high' as const }),
    owner: ownerOfScope(scope, scopeId),
    data: { scope, scope_id: scopeId, key, version, ...(from !== undefined && { from: settingText(from) }), ...(to !== undefined && { to: settingText(to) }) },
    others: [],
  })),
  entry(KeyProvided, ({ scope, scopeId, secretId, name, kind, rotation }) => ({
    type: 'key_change',
    owner: ownerOfScope(scope, scopeId),
    data: { scope, scope_id: scopeId, secret_id: secretId, name, kind, rotation },
    others: [],
  })),
  entry(KeyRemoved, ({ scope, scopeId, secretId, name, kind }) => ({
    type: 'key_change',
    owner: ownerOfScope(scope, scopeId),
    data: { scope, scope_id: scopeId, secret_id: secretId, name, kind },
    others: [],
  })),
  entry(SigningKeyRotated, ({ kid }) => ({ type: 'key_change', owner: { k: 'deployment' }, data: { key_id: kid }, others: [] })),
  entry(IdentityFixupApplied, ({ fixupId, personId, fields }) => ({
    type: 'data_migration',
    owner: personId === undefined ? { k: 'deployment' } : person(personId),
    data: { fixup_id: fixupId, fields },
    others: personId === undefined ? [] : [subject(personId)],
  })),
  memoryEntry(),
  entry(GrantIssued, ({ grantId, grantKind, assetId, amount, expiresAt, campaignRef }) => ({
    type: 'grant_change',
    owner: { k: 'deployment' },
    data: {
      grant_id: grantId,
      grant_kind: grantKind,
      asset: assetId,
      amount,
      expires_at: expiresAt,
      ...(campaignRef !== undefined && { campaign_ref: campaignRef }),
    },
    others: [],
  })),
  entry(GrantClaimed, ({ grantId, personId, sagaId }) => ({
    type: 'grant_change',
    owner: person(personId),
    data: { grant_id: grantId, saga_id: sagaId },
    others: [subject(personId)],
  })),
  entry(CreditsIssued, ({ tx, personId, lines, cause, epoch }) => ({
    type: 'credit_flow',
    owner: person(personId),
    data: { cause, epoch },
    others: [subject(personId)],
    tx,
    values: lines.map(({ line, tx: own, from, to, asset, quantity }) => ({ line, ...(own !== undefined && { tx: own }), from, to, asset, quantity })),
  })),
  entry(AccountStatusDecided, ({ personId, decisionId, seq, from, to, reason, erasureId }) => ({
    type: 'account_lifecycle',
    owner: person(personId),
    data: { from, to, reason, decided_by: 'credit', decision_id: decisionId, seq, ...(erasureId !== undefined && { erasure_id: erasureId }) },
    others: [subject(personId)],
  })),
  entry(DelegationChanged, delegationChange),
  entry(SagaCompleted, ({ sagaId, definition, definitionVersion, durationMs }) => ({
    type: 'saga_outcome',
    owner: { k: 'deployment' },
    data: { saga_id: sagaId, definition, definition_version: definitionVersion, duration_ms: durationMs },
    others: [],
  })),
  entry(SagaAborted, ({ sagaId, definition, definitionVersion, durationMs, code }) => ({
    type: 'saga_outcome',
    owner: { k: 'deployment' },
    data: { saga_id: sagaId, definition, definition_version: definitionVersion, duration_ms: durationMs, code },
    others: [],
  })),
  entry(SagaStalled, ({ sagaId, definition, definitionVersion, code }) => ({
    type: 'saga_outcome',
    owner: { k: 'deployment' },
    data: { saga_id: sagaId, definition, definition_version: definitionVersion, code },
    others: [],
  })),
  entry(OperatorActed, ({ entityId, sagaId, action, reason }) => ({
    type: 'operator_action',
    owner: { k: 'deployment' },
    data: { action, entity_id: entityId, reason, ...(sagaId !== undefined && { saga_id: sagaId }) },
    others: [],
  })),
  entry(SagaLookedUp, ({ by, sagas, personId, reason }) => ({
    type: 'operator_lookup',
    // Shown to and forgotten with the person who was looked up.
    owner: personId === undefined ? { k: 'deployment' } : person(personId),
    data: { by, sagas, reason },
    others: personId === undefined ? [] : [subject(personId)],
  })),
])

/** Published events that make no record, and why. */
export const NOT_RECORDED: Readonly<Record<string, string>> = {
  FeedHeartbeat: 'it says that identity can be heard, and nothing about anybody',
  EngagementOpened: 'the feed MemoryEventRecorded carries the same fact, and one fact is one record',
  EngagementStateChanged: 'the feed MemoryEventRecorded carries the same fact, and one fact is one record',
}

/** How an event is recorded; undefined where it is not, with the reason in NOT_RECORDED. */
export function mapped(event: BusEvent, data: unknown): Mapped | undefined {
  return MAPPING.get(event.type)?.(event, data as never)
}

export function isMapped(name: string): boolean {
  return MAPPING.has(name)
}

function credentialChange(data: z.output<typeof CredentialRemoved.schema> | z.output<typeof CredentialCloneSuspected.schema>): Said {
  const { personId, credentialRef } = data
  return {
    type: 'identity_change',
    owner: person(personId),
    data: { credential_ref: credentialRef, ...('reason' in data && { kind: data.kind, reason: data.reason }) },
    others: [subject(personId)],
  }
}

function lockChange(data: z.output<typeof PersonLocked.schema>): Said {
  const { personId, by, reason } = data
  return { type: 'person_lifecycle', owner: person(personId), data: { ...(reason !== undefined && { reason }) }, others: [subject(personId), byActor(by)] }
}

function roleChange({ personId, by, role }: z.output<typeof RoleGranted.schema>): Said {
  return { type: 'role_change', owner: person(personId), data: { role }, others: [subject(personId), byActor(by)] }
}

function membershipChange(data: z.output<typeof MembershipGranted.schema> | z.output<typeof MembershipRevoked.schema>, { actor }: BusEvent): Said {
  return {
    type: 'membership_change',
    owner: isPersonal(data.engagementId, actor) ? person(data.principal.id) : { k: 'engagement', id: data.engagementId },
    data: {
      membership_id: data.membershipId,
      designations: data.designations,
      commit_authority: data.commitAuthority,
      revision: data.revision,
      ...(data.operatorSequenceNumber !== undefined && { operator_sequence_number: data.operatorSequenceNumber }),
      ...('reason' in data && { reason: data.reason }),
    },
    others: [{ role: 'subject', kind: data.principal.kind, id: data.principal.id }, byActor(data.by)],
    about: { engagement: data.engagementId },
  }
}

/** What gives authority, or ends it for ever, is critical: a contract that was signed, or revoked. */
function delegationChange(data: z.output<typeof DelegationChanged.schema>): Said {
  const { delegationId, personId, version, state, stage, capability, termsHash, expiresAt, attestationDigest } = data
  return {
    type: 'delegation_lifecycle',
    fact: `delegation_${state}`,
    ...((attestationDigest !== undefined || state === 'revoked') && { priority: 'critical' as const }),
    owner: person(personId),
    data: { delegation_id: delegationId, version, state, stage, capability, terms_hash: termsHash, expires_at: expiresAt },
    others: [subject(personId)],
    ...(attestationDigest !== undefined && { about: { attestation_digest: attestationDigest } }),
  }
}

function agentChange(agentId: string, sponsorId?: string): Pick<Said, 'type' | 'owner' | 'others'> {
  const sponsor = sponsorId === undefined ? [] : [{ role: 'counterparty', kind: 'person', id: sponsorId } as const]
  return { type: 'agent_change', owner: { k: 'deployment' }, others: [{ role: 'subject', kind: 'agent', id: agentId }, ...sponsor] }
}

function ownerIn(engagement: string | undefined): Owner {
  return engagement === undefined ? { k: 'deployment' } : { k: 'engagement', id: engagement }
}

function ownerOfScope(scope: SettingScope, id: string): Owner {
  return scope === 'system' ? { k: 'deployment' } : { k: scope, id }
}

/** A value that does not fit a record in plain letters is told as its digest. */
function settingText(value: unknown): string {
  const text = canonicalJson(value as never)
  return /^[\x20-\x7e]{1,1024}$/.test(text) ? text : `sha256:${sha256(text)}`
}

function byActor(by: Actor): Participant {
  return { role: 'by', kind: by.kind, id: by.id }
}

/** The signup grants two memberships: one on the commons, one on the engagement that is the person's alone. */
function isPersonal(engagementId: string, actor: Actor): boolean {
  return actor.kind === 'service' && actor.id === 'signup' && engagementId !== WELL_KNOWN_ENGAGEMENTS.commons.id
}

function snakeCased(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, '_$&').toLowerCase()
}

/** `person:<uuid>` → the who part that is this person; `inst:<name>` → the institution. */
export function partyRef(party: string, whos: readonly { readonly id: string }[]): PartyRef {
  const [kind, id = ''] = party.split(':', 2)
  if (kind === 'inst') return { k: 'institution', code: id as 'dunin7' }
  return { k: 'who', n: whos.findIndex((who) => who.id === id) }
}
