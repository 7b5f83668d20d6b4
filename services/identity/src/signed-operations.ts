// Operations that a person signs with a passkey: what is to be signed waits with its challenge, what was signed stands for ever by its hash. Those of a
// kind that lets something be done keep what a mandate asks of them.
import { ApprovalOperation, ConnectionOperation, DelegationOperation, type SignedKind, signedBytes } from '@loomworks/contracts'
import { canonicalJson, type JsonObject, type PersonId, sha256, type Time } from '@loomworks/kernel'
import { exec, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { sealed, unsealed } from './keyring.ts'

/** How long what became of an act may be asked after it was begun, and the act be taken back. */
export const AFTERWARDS_MS = 180 * 86_400_000

/** An operation with its kind. Its hash is over what its schema makes of it, so it is parsed wherever it comes in. */
export const Signed = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('approval'), operation: ApprovalOperation }),
  z.strictObject({ kind: z.literal('delegation'), operation: DelegationOperation }),
  z.strictObject({ kind: z.literal('connection'), operation: ConnectionOperation }),
])
export type Signed = z.output<typeof Signed>

/** SHA-256 of the signed bytes, hex: the challenge, and the name of the operation ever after. */
export function hashOfSigned({ kind, operation }: Signed): string {
  return sha256(signedBytes(kind, operation as JsonObject))
}

/** What waits with a challenge: no row tells what a person is asked to sign. */
export function sealOperation(key: Buffer, challengeId: string, { kind, operation }: Signed): { readonly kind: SignedKind; readonly operation: Buffer } {
  return { kind, operation: sealed(key, Buffer.from(canonicalJson(operation as JsonObject)), bindingOf(challengeId)) }
}

export function openOperation(key: Buffer, challengeId: string, { kind, operation }: { readonly kind: SignedKind; readonly operation: Buffer }): Signed {
  return Signed.parse({ kind, operation: JSON.parse(unsealed(key, operation, bindingOf(challengeId)).toString()) })
}

function bindingOf(challengeId: string): string {
  return `operation/${challengeId}`
}

export interface Verified {
  readonly hash: string
  readonly personId: PersonId
  readonly credentialId: string
  readonly at: Time
  /** Absent: it lets nothing be minted. */
  readonly signed?: Signed | undefined
}

/** Keeps that it was signed; false where it was before, for a second signature allows nothing. */
export async function keepVerified(tx: Tx, { hash, personId, credentialId, at, signed }: Verified): Promise<boolean> {
  const { delegationId = null, version = null, actionId = null, notAfter = null } = signed === undefined ? {} : namedBy(signed)
  const written = await exec(
    tx,
    sql`insert into identity.verified_operations (hash, person_id, credential_id, at, kind, delegation_id, version, action_id, not_after)
        values (${hash}, ${personId}, ${credentialId}, ${at}, ${signed?.kind ?? 'other'}, ${delegationId}, ${version}, ${actionId}, ${notAfter})
        on conflict (hash) do nothing`,
  )
  return written > 0
}

interface Named {
  readonly delegationId?: string
  readonly version?: number
  readonly actionId?: string
  /** When what it lets be done must have begun. A connection lasts until it is unlinked. */
  readonly notAfter?: string
}

function namedBy(signed: Signed): Named {
  switch (signed.kind) {
    case 'approval': {
      const { decision, contract, action_id: actionId, action_version: version, expires_at: notAfter } = signed.operation
      if (decision !== 'approve') return {}
      return { ...(contract !== undefined && { delegationId: contract.id }), actionId, version, notAfter }
    }
    case 'delegation':
      return { delegationId: signed.operation.delegation_id, version: signed.operation.version, notAfter: signed.operation.terms.expires_at }
    case 'connection':
      return {}
    default:
      return signed satisfies never
  }
}

const Row = z.object({ hash: z.string() })

/** Whether this person signed exactly this. */
export async function hasSigned(tx: Tx, personId: PersonId, signed: Signed): Promise<boolean> {
  const hash = hashOfSigned(signed)
  return (await maybe(tx, Row, sql`select hash from identity.verified_operations where hash = ${hash} and person_id = ${personId}`)) !== undefined
}
