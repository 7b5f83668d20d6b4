// A grant is a promise to whoever can show its token: the grant, what is remembered of its address, and the fact that it was issued
// are one transaction.
import { randomBytes } from 'node:crypto'
import { enqueue, outboxRowOf } from '@loomworks/bus'
import { GrantIssued, type GrantKind } from '@loomworks/contracts'
import { type Caller, emailHashes, type Id, newId, timeOf, tokenHash } from '@loomworks/kernel'
import type { Answered, Once } from '@loomworks/service-kit'
import { brokenConstraint, type Db, exec, sql, type Tx } from '@loomworks/sql'
import { grant } from '../../errors.ts'
import type { CreditParts } from '../../parts.ts'
import { ASSET_IDS } from '../../vocabulary.ts'
import { checkEligibility, type EmailHashes, type Verdict } from '../eligibility.ts'
import { endOverdue } from '../overdue.ts'
import { noteIssued } from '../registry.ts'
import type { Asked } from './request.ts'

const DAY_MS = 86_400_000

export interface IssueGrant extends Asked {
  readonly email: string
  readonly kind: GrantKind
  readonly initiatedBy: string
  readonly expiresInDays: number
  readonly campaignRef: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  /** Lifts `already_granted`, nothing else. */
  readonly allowExisting: boolean
}

export interface Issued {
  readonly id: Id<'grant'>
  /** `lwc_` and 256 bits; told once and stored nowhere. */
  readonly claimToken: string
  readonly expiresAt: string
}

interface Asking<R> {
  readonly caller: Caller
  readonly once: Once
  /** What the admin is told, kept for the Idempotency-Key in the transaction of the grant. */
  readonly shown: (issued: Issued) => R
}

/** 409 `grant.ineligible` with the state of the address; of two issues at the same moment one gets it too. */
export async function issueGrant<R>(parts: CreditParts, command: IssueGrant, { caller, once, shown }: Asking<R>): Promise<R | Answered> {
  const hashes = emailHashes(parts.pepper, command.email)
  // A transaction of its own: an overdue grant has ended also when this one is refused.
  await parts.db.transaction((tx) => endOverdue(tx, timeOf(parts.clock.now()), hashes))
  try {
    return await once(parts.db, async (tx) => shown(await issuedIn(tx, parts, { command, hashes, caller })))
  } catch (error) {
    if (brokenConstraint(error) !== 'grant_pending') throw error
    throw refused(await checkEligibility(parts.db, hashes, timing(parts)))
  }
}

interface Issuing {
  readonly command: IssueGrant
  readonly hashes: EmailHashes
  readonly caller: Caller
}

async function issuedIn(tx: Tx, parts: CreditParts, { command, hashes, caller }: Issuing): Promise<Issued> {
  const nowMs = parts.clock.now()
  const verdict = await checkEligibility(tx, hashes, timing(parts))
  const lifted = command.allowExisting && verdict.eligibility === 'already_granted'
  if (verdict.eligibility !== 'eligible' && !lifted) throw refused(verdict)
  if (command.kind === 'referrer_initiated') await requireAccount(tx, command.initiatedBy)

  const issued = {
    id: newId<'grant'>(nowMs),
    claimToken: `lwc_${randomBytes(32).toString('base64url')}`,
    expiresAt: timeOf(nowMs + command.expiresInDays * DAY_MS),
  }
  await insertGrant(tx, issued, command, hashes)
  await noteIssued(tx, issued.id, hashes, timeOf(nowMs))
  const { asset: assetId, amount, kind: grantKind, campaignRef } = command
  const fact = {
    grantId: issued.id,
    grantKind,
    assetId,
    amount: String(amount),
    expiresAt: issued.expiresAt,
    ...(campaignRef !== undefined && { campaignRef }),
  }
  const { commandId: _command, ...stating } = caller
  await enqueue(tx, 'credit', [outboxRowOf({ type: GrantIssued, data: fact, cause: issued.id }, { ...stating, at: timeOf(nowMs) })])
  parts.relay.wakeAfter(tx)
  return issued
}

function timing({ clock, config }: CreditParts) {
  return { nowMs: clock.now(), coolingDays: config.coolingDays }
}

async function requireAccount(tx: Db, personId: string): Promise<void> {
  const known = await exec(tx, sql`select from credit.account where person_id = ${personId} and status <> 'deleted'`)
  if (known === 0) throw grant.referrer_invalid()
}

function refused({ eligibility, matched, matchedHash, expiresAt, retryAt }: Verdict) {
  if (eligibility === 'eligible' || matched === undefined || matchedHash === undefined) throw new Error('an eligible address was refused')
  return grant.ineligible({ eligibility, matched, matchedHash, ...(expiresAt !== undefined && { expiresAt }), ...(retryAt !== undefined && { retryAt }) })
}

function insertGrant(tx: Db, issued: Issued, command: IssueGrant, { emailHash, emailNormalizedHash }: EmailHashes): Promise<number> {
  return exec(
    tx,
    sql`insert into credit."grant" (id, claim_token_hash, recipient_email, recipient_email_hash, recipient_email_normalized_hash, grant_kind, asset_id,
                                    credit_amount, initiated_by, campaign_ref, metadata, status, expires_at)
        values (${issued.id}, ${tokenHash(issued.claimToken)}, ${command.email}, ${emailHash}, ${emailNormalizedHash}, ${command.kind}, ${ASSET_IDS[command.asset]},
                ${command.amount}, ${command.initiatedBy}, ${command.campaignRef}, ${command.metadata}, 'pending_claim', ${issued.expiresAt})`,
  )
}
