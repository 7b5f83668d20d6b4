// The contracts of persons as identity holds them, so that nothing is minted on the word of a service (companion page §20). A signature raises a contract, in
// the transaction that verifies it; everything else lowers it: a call before it is acknowledged, and the event that tells of it, whichever is first.
import { lowers, Terms, termsHash } from '@loomworks/contracts'
import { canonicalJson, type Id, type JsonObject, type PersonId } from '@loomworks/kernel'
import { type Db, exec, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { assertion as refuse } from './errors.ts'
import { sealed, unsealed } from './keyring.ts'
import { hashOfSigned, type Signed } from './signed-operations.ts'
import { DelegationStanding } from './vocabulary.ts'

export type DelegationId = Id<'delegation'>

const Row = z.object({
  version: z.int(),
  terms_version: z.int(),
  state: DelegationStanding,
  signed_operation_hash: z.string(),
  terms: z.instanceof(Buffer),
  terms_hash: z.string(),
  expires_at: z.string(),
})
type Row = z.output<typeof Row>

export interface Held {
  readonly version: number
  /** The signature that raised it last. */
  readonly signedHash: string
  readonly terms: Terms
}

/** A contract that allows something now: active, of terms that are known, begun and not over. In a transaction it is locked
 *  until that ends, so that nothing is minted on it once its lowering is acknowledged. */
export async function liveDelegation(db: Db, { id, personId, key, nowMs }: Wanted): Promise<Held | undefined> {
  const row = await rowOf(db, id, personId, 'share')
  if (row === undefined || row.state !== 'active' || row.terms_version !== row.version || Date.parse(row.expires_at) <= nowMs) return undefined
  const terms = opened(key, id, row.terms)
  return Date.parse(terms.starts_at) > nowMs ? undefined : { version: row.version, signedHash: row.signed_operation_hash, terms }
}

interface Wanted {
  readonly id: DelegationId
  readonly personId: PersonId
  readonly key: Buffer
  readonly nowMs: number
}

export interface Raising {
  readonly id: DelegationId
  readonly version: number
  readonly terms: Terms
  readonly salt: string
  /** A card widens a contract and leaves it in its stage; it makes none but of the first. */
  readonly how: 'grant' | 'amend' | 'raise' | 'resume' | 'card'
}

/** The contract that a signed operation makes or raises; undefined where it makes none. */
export function raisingOf(signed: Signed): Raising | undefined {
  if (signed.kind === 'delegation') {
    const { delegation_id: id, op: how, version, terms, salt } = signed.operation
    return { id, version, terms, salt, how }
  }
  if (signed.kind !== 'approval' || signed.operation.decision !== 'approve') return undefined
  const { contract } = signed.operation
  if (contract === undefined || !('terms' in contract)) return undefined
  const { id, version, terms, salt } = contract
  return { id, version, terms, salt, how: 'card' }
}

/** Makes or raises a contract by what was just signed. Refuses `assertion.outdated` where the contract is not as it was when it was shown. */
export async function raiseDelegation(tx: Tx, personId: PersonId, signed: Signed, { key, nowMs }: Pick<Wanted, 'key' | 'nowMs'>): Promise<void> {
  const raising = raisingOf(signed)
  if (raising === undefined) return
  const { id, version, terms, salt } = raising
  const row = await rowOf(tx, id, personId, 'update')
  if (!fits(raising, row && { ...row, stage: opened(key, id, row.terms).stage }, nowMs)) throw refuse.outdated()
  const written = await exec(
    tx,
    sql`insert into identity.live_delegations (delegation_id, person_id, version, terms_version, state, signed_operation_hash, terms, terms_hash, expires_at)
        values (${id}, ${personId}, ${version}, ${version}, 'active', ${hashOfSigned(signed)}, ${closed(key, id, terms)},
                ${termsHash(terms as JsonObject, salt)}, ${terms.expires_at})
        on conflict (delegation_id) do update
          set version = excluded.version, terms_version = excluded.terms_version, state = excluded.state,
              signed_operation_hash = excluded.signed_operation_hash, terms = excluded.terms, terms_hash = excluded.terms_hash,
              expires_at = excluded.expires_at
          where ${row !== undefined}`,
  )
  // Somebody else's, or made in this moment.
  if (written === 0) throw refuse.outdated()
}

/** What may be raised from what stands here. */
function fits({ how, version, terms }: Raising, row: (Row & Pick<Terms, 'stage'>) | undefined, nowMs: number): boolean {
  if (row === undefined) return how === 'grant' || (how === 'card' && terms.stage === 1)
  if (version <= row.version || Date.parse(row.expires_at) <= nowMs) return false
  switch (how) {
    case 'grant':
      return false
    case 'resume':
      return row.state !== 'ended'
    case 'card':
      return row.state === 'active' && terms.stage === row.stage
    case 'amend':
    case 'raise':
      return row.state === 'active'
    default:
      return how satisfies never
  }
}

export interface Lowering {
  readonly id: DelegationId
  readonly personId: PersonId
  readonly version: number
  readonly terms: Terms
  readonly salt: string
  readonly suspended: boolean
}

/** How a contract stands once it was lowered, or that it cannot be. */
export type Lowered = { readonly version: number; readonly state: DelegationStanding } | 'unknown' | 'not_lower'

/** Lowers a contract to terms within those it has. What comes late, or again, changes nothing. */
export async function lowerDelegation(tx: Tx, { id, personId, version, terms, salt, suspended }: Lowering, key: Buffer): Promise<Lowered> {
  const row = await rowOf(tx, id, personId, 'update')
  if (row === undefined) return 'unknown'
  const state = suspended && row.state === 'active' ? 'suspended' : row.state
  const isNewer = version > row.version || (version === row.version && row.terms_version < version)
  if (!isNewer) return { version: row.version, state: row.state }
  if (!lowers(opened(key, id, row.terms), terms)) return 'not_lower'
  await exec(
    tx,
    sql`update identity.live_delegations
           set version = ${version}, terms_version = ${version}, state = ${state}, terms = ${closed(key, id, terms)},
               terms_hash = ${termsHash(terms as JsonObject, salt)}, expires_at = ${terms.expires_at}
         where delegation_id = ${id}`,
  )
  return { version, state }
}

/** Ends a contract for ever; undefined where the person has none of this id. */
export async function endDelegation(
  tx: Tx,
  { id, personId, version }: Pick<Lowering, 'id' | 'personId' | 'version'>,
): Promise<{ readonly version: number } | undefined> {
  return maybe(
    tx,
    z.object({ version: z.int() }),
    sql`update identity.live_delegations
           set state = 'ended', version = greatest(version, ${version})
         where delegation_id = ${id} and person_id = ${personId}
        returning version`,
  )
}

export interface HeardOf {
  readonly id: DelegationId
  readonly personId: PersonId
  readonly version: number
  readonly state: DelegationStanding
  readonly termsHash: string
}

/** What was told of a contract: it may fall to that, and never rise. Of terms that are not known here only that they are others is kept: the
 *  contract allows nothing until they come. */
export async function hearOfDelegation(tx: Tx, { id, personId, version, state, termsHash: hash }: HeardOf): Promise<void> {
  await exec(
    tx,
    sql`update identity.live_delegations
           set version = greatest(version, ${version}),
               terms_version = case when version < ${version} and terms_hash = ${hash} then ${version} else terms_version end,
               state = case when state = 'ended' or ${state} = 'ended' then 'ended'
                            when state = 'suspended' or ${state} = 'suspended' then 'suspended'
                            else 'active' end
         where delegation_id = ${id} and person_id = ${personId} and version <= ${version}`,
  )
}

function rowOf(db: Db, id: DelegationId, personId: PersonId, lock: 'share' | 'update'): Promise<Row | undefined> {
  const where = sql`select version, terms_version, state, signed_operation_hash, terms, terms_hash, expires_at
                      from identity.live_delegations
                     where delegation_id = ${id} and person_id = ${personId}`
  return maybe(db, Row, lock === 'share' ? sql`${where} for share` : sql`${where} for update`)
}

function closed(key: Buffer, id: DelegationId, terms: Terms): Buffer {
  return sealed(key, Buffer.from(canonicalJson(terms as JsonObject)), bindingOf(id))
}

function opened(key: Buffer, id: DelegationId, bytes: Buffer): Terms {
  return Terms.parse(JSON.parse(unsealed(key, bytes, bindingOf(id)).toString()))
}

function bindingOf(id: DelegationId): string {
  return `delegation/${id}`
}
