import { Amount, CreditAsset, claim, signupDoor } from '@loomworks/contracts'
import { EmailAddress, emailHashes, Refusal, timeOf, tokenHash } from '@loomworks/kernel'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { CreditParts } from '../../parts.ts'
import { assetOf, GrantStatus } from '../../vocabulary.ts'
import { emailHint } from './hint.ts'

const CLAIM_TOKEN_MAX = 200
const NAME_MAX = 400

const Offered = z.object({
  id: z.string(),
  status: GrantStatus,
  reserved_by: z.string().nullable(),
  expires_at: z.string(),
  recipient_email: z.string().nullable(),
  recipient_email_hash: z.string(),
  recipient_email_normalized_hash: z.string(),
  asset_id: z.int(),
  credit_amount: z.bigint(),
})
type Offered = z.output<typeof Offered>

const Registration = z.object({
  registrationId: z.string(),
  registrationSecret: z.string(),
  expiresAt: z.string(),
  options: z.looseObject({ challenge: z.string() }),
  cookie: z.string(),
})

export const claimGrantRoute = operation({
  post: '/claim/grant',
  id: 'claimGrant',
  summary: 'Begin to sign up with a claim token, for the address it was given to',
  authz: { actors: ['anonymous', 'person'], object: 'grant', relation: 'none', hide: false },
  limits: { rate: 'claim' },
  body: z.strictObject({
    claim_token: z.string().min(1).max(CLAIM_TOKEN_MAX),
    display_name: z.string().min(1).max(NAME_MAX),
    companion_name: z.string().min(1).max(NAME_MAX).optional(),
    email: EmailAddress.optional(),
  }),
  reply: z.object({
    claim_token: z.string(),
    registration_id: z.string(),
    registration_secret: z.string(),
    email_hint: z.string(),
    asset: CreditAsset,
    amount: Amount,
    expires_at: z.string(),
    options: Registration.shape.options,
  }),
  refuses: [...Object.values(claim), ...Object.values(signupDoor), shared.companion_name_invalid, shared.invalid_body],

  /** Reserves nothing: the token may still be used by somebody else until the signup does. */
  async answer({ body }, { db, clock, pepper, client }: CreditParts) {
    const offered = await maybe(
      db,
      Offered,
      sql`select id, status, reserved_by, expires_at, recipient_email, recipient_email_hash, recipient_email_normalized_hash, asset_id, credit_amount
            from credit."grant"
           where claim_token_hash = ${tokenHash(body.claim_token)}`,
    )
    const grant = open(offered, timeOf(clock.now()))
    if (body.email !== undefined && !isMeant(grant, emailHashes(pepper, body.email))) throw claim.email_mismatch()
    const wanted = {
      grantId: grant.id,
      email: grant.recipient_email,
      displayName: body.display_name,
      ...(body.companion_name && { companionName: body.companion_name }),
    }
    const registration = await client
      .call('identity', Registration, { method: 'POST', path: '/internal/registrations', body: wanted })
      .catch((error: unknown) => Promise.reject(asOurs(error)))
    return new Answered(200, shown(body.claim_token, grant, registration), { cookies: [registration.cookie] })
  },
})

type Open = Offered & { readonly recipient_email: string }

/** In the order of the page: unknown, claimed, revoked, held, expired (credit page §5.1). */
function open(grant: Offered | undefined, now: string): Open {
  if (grant === undefined) throw claim.token_unknown()
  if (grant.status === 'claimed') throw claim.already_claimed()
  if (grant.status === 'revoked') throw claim.revoked()
  if (grant.reserved_by !== null) throw claim.in_progress()
  const { recipient_email } = grant
  if (grant.status === 'expired' || grant.expires_at <= now || recipient_email === null) throw claim.expired()
  return { ...grant, recipient_email }
}

function isMeant(grant: Offered, { emailHash, emailNormalizedHash }: ReturnType<typeof emailHashes>): boolean {
  return grant.recipient_email_hash === emailHash || grant.recipient_email_normalized_hash === emailNormalizedHash
}

function shown(claimToken: string, grant: Open, { registrationId, registrationSecret, expiresAt, options }: z.output<typeof Registration>) {
  return {
    claim_token: claimToken,
    registration_id: registrationId,
    registration_secret: registrationSecret,
    email_hint: emailHint(grant.recipient_email),
    asset: CreditAsset.parse(assetOf(grant.asset_id)),
    amount: String(grant.credit_amount),
    expires_at: expiresAt,
    options,
  }
}

/** What identity refuses for the client's own doing is refused under the same code; anything else is between the services. */
function asOurs(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error
  const known = Object.values(signupDoor).find(({ code }) => code === error.code)
  if (known !== undefined) return known(undefined, error.retryAfterS)
  return error.code === shared.companion_name_invalid.code || error.code === shared.invalid_body.code
    ? error
    : new Error(`identity refused: ${error.code}`, { cause: error })
}
