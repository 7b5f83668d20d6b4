// The first step of a signup with a claim token: the grant is held for one person by one saga until that saga ends.
import { CreditAsset, claim, GrantKind, reserveGrant } from '@loomworks/contracts'
import { idOf, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { type Db, exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { CreditParts } from '../../parts.ts'
import { assetOf, GrantStatus } from '../../vocabulary.ts'

const Held = z.object({ id: idOf<'grant'>(), asset_id: z.int(), credit_amount: z.bigint(), grant_kind: GrantKind, initiated_by: idOf<'person'>() })
const Standing = z.object({
  status: GrantStatus,
  reserved_by: idOf<'saga'>().nullable(),
  expires_at: z.string(),
  recipient_email_hash: z.string(),
  recipient_email_normalized_hash: z.string(),
  grant_kind: GrantKind,
  initiated_by: idOf<'person'>(),
})

interface Reserve {
  readonly tokenHash: string
  readonly emailHash: string
  readonly emailNormalizedHash: string
  readonly personId: string
}

export const reserve = sagaStep(reserveGrant, {
  async do(tx, data, { sagaId, clock }: { sagaId: string; clock: CreditParts['clock'] }) {
    const now = timeOf(clock.now())
    const held = await hold(tx, data, sagaId, now)
    if (held === undefined) throw refusalFor(await standing(tx, data.tokenHash), data, { sagaId, now })
    const { id: grantId, asset_id, credit_amount, grant_kind: grantKind, initiated_by } = held
    return {
      grantId,
      assetId: CreditAsset.parse(assetOf(asset_id)),
      amount: String(credit_amount),
      grantKind,
      ...(grantKind === 'referrer_initiated' && { referredBy: initiated_by }),
    }
  },

  async undo(tx, _data, { sagaId }) {
    await exec(tx, sql`update credit."grant" set reserved_by = null, reserved_for = null, reserved_at = null where reserved_by = ${sagaId}`)
    return 'reversed'
  },
})

/** One conditional update decides who gets it. */
function hold(tx: Db, { tokenHash, emailHash, emailNormalizedHash, personId }: Reserve, sagaId: string, now: string) {
  return maybe(
    tx,
    Held,
    sql`update credit."grant"
           set reserved_by = ${sagaId}, reserved_for = ${personId}, reserved_at = ${now}
         where claim_token_hash = ${tokenHash} and status = 'pending_claim'
           and (reserved_by = ${sagaId} or (reserved_by is null and expires_at > ${now}))
           and (recipient_email_hash = ${emailHash} or recipient_email_normalized_hash = ${emailNormalizedHash})
           and not (grant_kind = 'referrer_initiated' and initiated_by = ${personId})
        returning id, asset_id, credit_amount, grant_kind, initiated_by`,
  )
}

function standing(tx: Db, tokenHash: string) {
  return maybe(
    tx,
    Standing,
    sql`select status, reserved_by, expires_at, recipient_email_hash, recipient_email_normalized_hash, grant_kind, initiated_by
          from credit."grant"
         where claim_token_hash = ${tokenHash}`,
  )
}

/** In the order of the page: unknown, claimed, revoked, held by another saga, expired, another address (credit page §5.1). Who refers somebody is told the
 *  same of a grant in their own name (§17). */
function refusalFor(
  grant: z.output<typeof Standing> | undefined,
  { emailHash, emailNormalizedHash, personId }: Reserve,
  { sagaId, now }: { readonly sagaId: string; readonly now: string },
) {
  if (grant === undefined) return claim.token_unknown()
  if (grant.status === 'claimed') return claim.already_claimed()
  if (grant.status === 'revoked') return claim.revoked()
  if (grant.reserved_by !== null && grant.reserved_by !== sagaId) return claim.in_progress()
  if (grant.status === 'expired' || grant.expires_at <= now) return claim.expired()
  if (grant.recipient_email_hash !== emailHash && grant.recipient_email_normalized_hash !== emailNormalizedHash) return claim.email_mismatch()
  if (grant.grant_kind === 'referrer_initiated' && grant.initiated_by === personId) return claim.email_mismatch()
  // Whoever held it let go between the two statements.
  return claim.in_progress()
}
