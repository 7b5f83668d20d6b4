// The FORAY record: one for each fact that any service publishes (audit page §2). Its head names nobody; every part is committed to
// under a salt of its own, so that one part can be forgotten and the log still proves the rest. JSON is snake_case and canonical
// (RFC 8785); numbers are integers or decimal text.
import {
  AccountStatus,
  AgentState,
  AgentTokenEnd,
  Amount,
  At,
  AuthMethod,
  Capability,
  ClosedWord,
  CredentialEnd,
  CredentialKind,
  CreditAsset,
  Decider,
  DelegationState,
  Designation,
  FixupField,
  GrantKind,
  HexHash,
  MembershipEnd,
  MemoryClass,
  MemoryObjectType,
  OperatorAction,
  Priority,
  Reason,
  Role,
  SagaName,
  Scope,
  SecretKind,
  SecretName,
  SessionEnd,
  SettingKey,
  SettingScope,
  ThrottleKind,
} from '@loomworks/contracts'
import { ApprovalMode, CapabilityRef, ServiceActorId, ServiceName, Traceparent } from '@loomworks/kernel'
import { z } from 'zod'
import { ActorKind, anyId, CLASS_OF, Fact, ForayClass, ForayType, InstitutionCode, OwnerKind, WhoRole } from './vocabulary.ts'

export const Head = z.strictObject({
  v: z.literal(1),
  id: anyId,
  service: ServiceName,
  class: ForayClass,
  type: ForayType,
  fact: Fact,
  priority: Priority,
  actor_kind: ActorKind,
  approval_mode: ApprovalMode.optional(),
  occurred_at: At,
  recorded_at: At,
})
export type Head = Readonly<z.output<typeof Head>>

export const Who = z.strictObject({
  who: z.strictObject({
    role: WhoRole,
    kind: ActorKind,
    id: z.union([anyId, ServiceActorId]),
    capability_ref: CapabilityRef.optional(),
    instruction_version: z.int().min(1).optional(),
    session_id: anyId.optional(),
  }),
})
export type Who = Readonly<z.output<typeof Who>>

const PartyRef = z.union([
  z.strictObject({ k: z.literal('who'), n: z.int().min(0).max(7) }),
  z.strictObject({ k: z.literal('institution'), code: InstitutionCode }),
])
export type PartyRef = z.output<typeof PartyRef>

const Value = z.strictObject({ line: z.int().min(1).max(64), tx: anyId.optional(), from: PartyRef, to: PartyRef, asset: CreditAsset, quantity: Amount })

/** The value of a setting as canonical JSON; the catalogue of settings lets no names in. */
const SettingText = z.string().regex(/^[\x20-\x7e]{1,1024}$/)

/** What is said of a fact, by the type of its record. No free text: every string has a pattern or a closed set. */
export const PAYLOADS = {
  person_lifecycle: z.strictObject({
    personal_engagement_id: anyId.optional(),
    saga_id: anyId.optional(),
    claimed: z.boolean().optional(),
    reason: Reason.optional(),
  }),
  identity_change: z.strictObject({
    fields: z.array(z.enum(['display_name', 'companion_name'])).optional(),
    credential_ref: anyId.optional(),
    kind: CredentialKind.optional(),
    aaguid: anyId.optional(),
    backed_up: z.boolean().optional(),
    verified: z.boolean().optional(),
    codes_left: z.int().min(0).optional(),
    throttle: ThrottleKind.optional(),
    throttle_id: anyId.optional(),
    reason: CredentialEnd.optional(),
  }),
  session_change: z.strictObject({ session_id: anyId, amr: z.array(AuthMethod).optional(), new_device: z.boolean().optional(), reason: SessionEnd.optional() }),
  role_change: z.strictObject({ role: Role }),
  membership_change: z.strictObject({
    membership_id: anyId,
    designations: z.array(Designation),
    commit_authority: z.boolean(),
    operator_sequence_number: z.int().optional(),
    revision: z.int(),
    reason: MembershipEnd.optional(),
  }),
  agent_change: z.strictObject({
    agent_id: anyId,
    instruction_version: z.int().min(1).optional(),
    sponsor_id: anyId.optional(),
    state: AgentState.optional(),
    token_id: anyId.optional(),
    scopes: z.array(Scope).optional(),
    expires_at: At.optional(),
    reason: AgentTokenEnd.optional(),
  }),
  key_change: z.strictObject({
    scope: SettingScope.optional(),
    scope_id: anyId.optional(),
    secret_id: anyId.optional(),
    name: SecretName.optional(),
    kind: SecretKind.optional(),
    rotation: z.boolean().optional(),
    key_id: anyId.optional(),
  }),
  setting_change: z.strictObject({
    scope: SettingScope,
    scope_id: anyId,
    key: SettingKey,
    from: SettingText.optional(),
    to: SettingText.optional(),
    version: z.int().min(1),
  }),
  account_lifecycle: z.strictObject({
    from: AccountStatus,
    to: AccountStatus,
    reason: ClosedWord,
    decided_by: Decider,
    decision_id: anyId,
    /** Only in a decision: its place, and the erasure it asks for. */
    seq: z.int().optional(),
    erasure_id: anyId.optional(),
  }),
  delegation_lifecycle: z.strictObject({
    delegation_id: anyId,
    version: z.int().min(1),
    state: DelegationState,
    stage: z.int().min(1).max(3),
    capability: Capability,
    terms_hash: HexHash,
    expires_at: At,
  }),
  data_migration: z.strictObject({ fixup_id: anyId, fields: z.array(FixupField) }),
  engagement_lifecycle: z.strictObject({ position: Amount }),
  workspace_operation: z.strictObject({ position: Amount }),
  memory_change: z.strictObject({ position: Amount, object_type: MemoryObjectType.optional(), class: MemoryClass.optional() }),
  credit_flow: z.strictObject({ cause: z.enum(['grant', 'admin']), epoch: anyId }),
  grant_change: z.strictObject({
    grant_id: anyId,
    saga_id: anyId.optional(),
    grant_kind: GrantKind.optional(),
    asset: CreditAsset.optional(),
    amount: Amount.optional(),
    expires_at: At.optional(),
    campaign_ref: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,100}$/)
      .optional(),
  }),
  saga_outcome: z.strictObject({
    saga_id: anyId,
    definition: SagaName,
    definition_version: z.int().min(1),
    code: z
      .string()
      .regex(/^[a-z]+(?:\.[a-z_]+)+$/)
      .optional(),
    duration_ms: z.int().min(0).optional(),
  }),
  operator_action: z.strictObject({ action: OperatorAction, saga_id: anyId.optional(), entity_id: anyId, reason: Reason }),
  operator_lookup: z.strictObject({ by: z.enum(['person', 'email']), sagas: z.int().min(0), reason: Reason }),
} as const satisfies Record<ForayType, z.ZodObject>

const Source = z.strictObject({
  stream: z
    .string()
    .regex(/^[a-z-]{1,64}-[0-9a-f-]{36}$/)
    .optional(),
  revision: z.int().min(0).optional(),
  event_id: anyId,
  message_id: anyId,
  hash: HexHash.optional(),
  prev_hash: HexHash.optional(),
})

/** What happened, with the data that a type has. */
const whatWith = <D extends z.ZodType>(data: D) =>
  z.strictObject({
    what: z.strictObject({
      tx: anyId,
      source: Source,
      correlation_id: anyId,
      causation_id: z.string().regex(/^[A-Za-z0-9/_-]{1,200}$/),
      traceparent: Traceparent,
      engagement: anyId.optional(),
      object: anyId.optional(),
      object_version: z.int().min(1).optional(),
      attestation_digest: HexHash.optional(),
      values: z.array(Value).min(1).max(64).optional(),
      data,
    }),
  })
export type What = Readonly<z.output<ReturnType<typeof whatWith<(typeof PAYLOADS)[ForayType]>>>>

/** One schema a type: a union of all payloads would try each of them on every record. */
const WHATS: ReadonlyMap<string, z.ZodType> = new Map(Object.entries(PAYLOADS).map(([type, data]) => [type, whatWith(data)]))

const Owner = z.discriminatedUnion('k', [z.strictObject({ k: OwnerKind.exclude(['deployment']), id: anyId }), z.strictObject({ k: z.literal('deployment') })])

/** A part as it is before it is committed to. */
export interface Body {
  readonly owner: z.output<typeof Owner>
  readonly body: Who | What
}

export interface Draft {
  readonly head: Head
  /** 1 to 8: who took part, then what happened. */
  readonly parts: readonly Body[]
}

const RECORD_BYTES = 49_152
/** Every member but a list has a length that its pattern bounds; with so few items no record comes near its limit. */
const FEW_ITEMS = 64

/** Does a draft keep the grammar? The reasons where not: the class fits the type, a Companion says by whose approval, a flow has values. */
export function grammarFaults({ head, parts }: Draft): readonly string[] {
  const what = parts.find(({ body }) => 'what' in body)?.body as What | undefined
  const whos = parts.flatMap(({ body }) => ('who' in body ? [body.who] : []))
  const faults: readonly (readonly [boolean, string])[] = [
    [!Head.safeParse(head).success || !parts.every(keepsItsSchema), 'a member does not fit its schema'],
    [WHATS.get(head.type)?.safeParse(what).success !== true, `what is said does not fit ${head.type}`],
    [parts.length < 1 || parts.length > 8, 'a record has 1 to 8 parts'],
    [parts.length !== whos.length + 1, 'a record says once what happened'],
    [CLASS_OF[head.type] !== head.class, `${head.type} is no ${head.class}`],
    [head.actor_kind === 'companion' && head.approval_mode === undefined, 'a Companion acts by an approval'],
    [head.approval_mode === 'pre_authorized' && !whos.some((who) => who.capability_ref !== undefined), 'what was authorized beforehand names by what right'],
    [(head.class === 'flow') !== (what?.what.values !== undefined), 'a flow has values, nothing else has'],
    [isTooLong({ head, parts }, what), 'a record has at most 48 KiB'],
  ]
  return faults.filter(([broken]) => broken).map(([, reason]) => reason)
}

/** Of a part that says who took part; what happened is judged by the type of the record. */
function keepsItsSchema({ owner, body }: Body): boolean {
  return Owner.safeParse(owner).success && ('what' in body || Who.safeParse(body).success)
}

function isTooLong(draft: Draft, what: What | undefined): boolean {
  const lists = [what?.what.values, ...Object.values(what?.what.data ?? {})].filter(Array.isArray)
  const items = lists.reduce((sum, list) => sum + list.length, 0)
  return items > FEW_ITEMS && JSON.stringify(draft).length > RECORD_BYTES
}
