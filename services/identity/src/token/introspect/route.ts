import { Hash32 } from '@loomworks/contracts'
import { ServiceName } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { claimsOf } from '../claims.ts'

const Active = z.object({ active: z.literal(true), token: z.string(), expiresAt: z.string(), rateClass: z.enum(['person', 'operator', 'agent']) })
const Refused = z.object({ active: z.literal(false), code: z.enum(['token_refused', 'session_expired', 'account_locked']) })

export const introspectRoute = operation({
  post: '/internal/introspect',
  id: 'introspect',
  summary: 'What a credential opens, as a token for one service',
  internal: { auth: 'service_secret', callers: ['gateway'] },
  body: z.strictObject({
    credentialHash: Hash32,
    audience: ServiceName,
    /** Nobody shows it now: an answer that it once opened is still open. */
    again: z.boolean().default(false),
  }),
  reply: z.discriminatedUnion('active', [Active, Refused]),
  refuses: [shared.actor_refused, shared.internal_token_invalid, shared.invalid_body],

  async answer({ body, caller }, parts: IdentityParts) {
    const found = await claimsOf(parts, { hash: body.credentialHash, again: body.again, caller })
    if (typeof found === 'string') return { active: false as const, code: found }
    const { token, expiresAt } = await parts.signing.mint({ ...found.claims, aud: body.audience, azp: 'gateway' }, found.endsAtMs)
    return { active: true as const, token, expiresAt, rateClass: found.rateClass }
  },
})
