// The operations as a deployment's own document lists them, with an address and a good body for each: what the tests start from.
import { randomUUID } from 'node:crypto'
import type { ServiceName } from '@loomworks/kernel'
import type { Authz, OpenApi } from '@loomworks/service-kit'

export interface Listed {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly owner: ServiceName
  readonly authz: Authz
  readonly statuses: ReadonlySet<number>
  /** Every error code it says it may answer. */
  readonly codes: ReadonlySet<string>
  readonly takesBody: boolean
  readonly isAnonymous: boolean
  readonly takesKey: boolean
  readonly inPath: readonly string[]
  readonly inQuery: readonly string[]
}

export function operationsOf(document: OpenApi): readonly Listed[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const parameters = (operation.parameters ?? []) as readonly { readonly name: string; readonly in: string }[]
      const authz = operation['x-authz'] as Authz
      return {
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        owner: operation['x-owner'],
        authz,
        statuses: new Set(Object.keys(operation.responses).map(Number)),
        codes: new Set(Object.values(operation.responses).flatMap((response) => (response as { 'x-codes'?: readonly string[] })['x-codes'] ?? [])),
        takesBody: operation.requestBody !== undefined,
        isAnonymous: authz.actors.includes('anonymous'),
        takesKey: operation['x-limits'].idempotency !== undefined,
        inPath: parameters.filter((each) => each.in === 'path').map(({ name }) => name),
        inQuery: parameters.filter((each) => each.in === 'query').map(({ name }) => name),
      }
    }),
  )
}

const VALUES: Readonly<Record<string, () => string>> = {
  engagement: () => 'me',
  text: () => 'E0002',
  key: () => 'converse.responder_model',
  name: () => 'anthropic',
}

/** The path with a value for each parameter: `me`, an address, or an id that nothing has; `chosen` wins. */
export function addressOf({ path }: Listed, chosen: Readonly<Record<string, string>> = {}): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => chosen[name] ?? (VALUES[name] ?? randomUUID)())
}

type Body = Readonly<Record<string, unknown>>

const id = '0190f5fe-0000-7000-8000-000000000000'
const assertion = { clientDataJSON: 'e30', authenticatorData: 'AA', signature: 'AA', userHandle: 'AA' }
const attestation = { clientDataJSON: 'e30', attestationObject: 'AA', transports: ['internal'] }
const credential = { id: 'AA', rawId: 'AA', type: 'public-key', clientExtensionResults: {} }

/** A body of the right shape for each operation that takes one. */
export const GOOD: Readonly<Record<string, () => Body>> = {
  createAgent: () => ({ name: 'Scribe', purpose: 'Writes down what was said.', instruction_version: 1 }),
  changeAgent: () => ({ name: 'Clerk', purpose: 'Counts.', instruction_version: 2, state: 'active' }),
  issueAgentToken: () => ({ scopes: ['memory.read'], expires_in_days: 1 }),
  invite: () => ({ email: `${randomUUID()}@example.org`, designations: ['contributor'] }),
  acceptInvitation: () => ({ token: 'lwi_none' }),
  declineInvitation: () => ({ token: 'lwi_none' }),
  setCommitAuthority: () => ({ value: true }),
  issueGrant: () => ({ recipient_email: `${randomUUID()}@example.org`, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_opus', credit_amount: '1' }),
  beginLogin: () => ({}),
  changeEmail: () => ({ email: `${randomUUID()}@example.org` }),
  verifyEmail: () => ({ code: '000000' }),
  claimGrant: () => ({ claim_token: 'lwc_0123456789', display_name: 'Ada' }),
  beginClaim: () => ({ claim_token: 'lwc_0123456789' }),
  setMySetting: () => ({ value: 'claude-sonnet-4-6' }),
  setEngagementSetting: () => ({ value: 'claude-sonnet-4-6' }),
  keepEngagementSecret: () => ({ value: 'sk-0123456789', kind: 'api_key' }),
  setDeploymentSetting: () => ({ value: 'claude-sonnet-4-6' }),
  keepMySecret: () => ({ value: 'sk-0123456789', kind: 'api_key' }),
  keepDeploymentSecret: () => ({ value: 'sk-0123456789', kind: 'api_key' }),
  finishLogin: () => ({ challenge_id: id, credential: { ...credential, response: assertion }, session_delivery: 'bearer' }),
  recoverLogin: () => ({ email: `${randomUUID()}@example.org`, totp_code: '000000', recovery_code: 'x', session_delivery: 'bearer' }),
  beginAddPasskey: () => ({}),
  finishAddPasskey: () => ({ challenge_id: id, credential: { ...credential, response: attestation }, display_name: 'Key', keep_sessions: true }),
  renamePasskey: () => ({ display_name: 'Key' }),
  beginTotp: () => ({}),
  verifyTotp: () => ({ code: '000000' }),
  beginEnrolment: () => ({}),
  finishEnrolment: () => ({ challenge_id: id, credential: { ...credential, response: attestation }, credential_name: 'Key' }),
  lockPerson: () => ({ reason: 'a ticket' }),
  beginStepUp: () => ({ level: 'any' }),
  finishStepUp: () => ({ challenge_id: id, credential: { ...credential, response: assertion } }),
  beginSignup: () => ({ email: `${randomUUID()}@example.org`, display_name: 'Somebody', companion_name: 'Iris' }),
  verifySignupPasskey: () => ({ registration_id: id, credential: { ...credential, response: attestation }, credential_name: 'Key' }),
  askSignupPasskey: () => ({ registration_id: id }),
  verifySignupTotp: () => ({ registration_id: id, code: '000000', claim_token: 'lwc_none', session_delivery: 'bearer' }),
  renewSignupTotp: () => ({ registration_id: id }),
  openEngagement: () => ({ title: 'Bread', visibility: 'private' }),
  addMemory: () => ({ type: 'assertion', class: 'personal', payload: { kind: 'preference', text: `Tea ${randomUUID()}` } }),
  commitMemory: () => ({ expected_version: 1 }),
  retractMemory: () => ({ reason: 'mistaken', expected_version: 1 }),
  changeDisplayName: () => ({ display_name: 'Somebody' }),
  nameCompanion: () => ({ name: 'Iris' }),
  actOnSaga: () => ({ action: 'retry', reason: 'a ticket', expected_revision: 0, dry_run: true }),
  replaySagas: () => ({ since: '2030-01-02T03:04:05Z' }),
  redriveDeadLetter: () => ({ reason: 'a ticket', dry_run: true }),
  discardDeadLetter: () => ({ reason: 'a ticket' }),
  reconcileSagas: () => ({}),
  searchSagasByEmail: () => ({ email: 'nobody@example.org', reason: 'a ticket' }),
}

/** The paths of all values in a body that hold no others. */
export function leavesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, each]) => leavesOf(each, [...path, key]))
}

/** The body with one value replaced. */
export function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by
  const members = value as Readonly<Record<string, unknown>>
  if (Array.isArray(value)) return value.map((each, index) => (String(index) === key ? replaced(each, rest, by) : each))
  return { ...members, [key]: replaced(members[key], rest, by) }
}
