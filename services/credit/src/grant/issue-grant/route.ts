import { CreditAsset, GrantKind } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { grant } from '../../errors.ts'
import type { CreditParts } from '../../parts.ts'
import { GrantStatus } from '../../vocabulary.ts'
import { type Issued, issueGrant } from './issue.ts'
import { askedFor, IssueGrantBody } from './request.ts'

const Grant = z.object({
  id: idOf<'grant'>(),
  status: GrantStatus,
  grant_kind: GrantKind,
  asset_id: CreditAsset,
  credit_amount: z.string(),
  expires_at: z.string(),
  campaign_ref: z.string().optional(),
})

export const issueGrantRoute = operation({
  post: '/admin/grants',
  id: 'issueGrant',
  summary: 'Give credit to an address, to be claimed with a token',
  authz: { actors: ['person'], scope: 'admin.grants', role: ['admin'], object: 'grant', relation: 'none', stepUp: 'passkey', hide: false },
  limits: { idempotency: 'required' },
  body: IssueGrantBody,
  // Told once: an answer that is given again for its key has no token.
  reply: z.object({ grant: Grant, claim_token: z.string().optional(), claim_url: z.string().optional() }),
  oneTime: ['claim_token', 'claim_url'],
  status: 201,
  refuses: [grant.ineligible, grant.asset_unknown, grant.amount_invalid, grant.referrer_invalid],

  async answer({ body, caller, once }, parts: CreditParts) {
    const { asset, amount } = askedFor(body)
    const command = {
      asset,
      amount,
      email: body.recipient_email,
      kind: body.grant_kind,
      initiatedBy: body.referrer_person_id ?? caller.actor.id,
      expiresInDays: body.expires_in_days ?? parts.config.grantExpiryDays,
      campaignRef: body.campaign_ref,
      metadata: body.metadata,
      allowExisting: body.allow_existing,
    }
    const shown = ({ id, claimToken, expiresAt }: Issued) => ({
      grant: {
        id,
        status: 'pending_claim' as const,
        grant_kind: body.grant_kind,
        asset_id: asset,
        credit_amount: String(amount),
        expires_at: expiresAt,
        ...(body.campaign_ref !== undefined && { campaign_ref: body.campaign_ref }),
      },
      claim_token: claimToken,
      claim_url: `${parts.config.publicOrigin}/claim?token=${claimToken}`,
    })
    return issueGrant(parts, command, { caller, once, shown })
  },
})
