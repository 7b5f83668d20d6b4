import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { PublicJwk } from '../../key-pairs.ts'
import type { IdentityParts } from '../../parts.ts'

const Signature = z.object({ protected: z.string(), signature: z.string() })

export const showIssuerRoute = operation({
  get: '/internal/ova/issuer',
  id: 'showIssuer',
  summary: 'The public keys of mandates, of this day and the one before, for whoever checks one',
  internal: { auth: 'token', callers: ['companion'] },
  /** `epoch`: the day of the key, counted from 1970 in UTC. `statement`: the same, signed with each of the keys (RFC 7515, general form). */
  reply: z.object({
    issuer: z.string(),
    profiles: z.array(z.enum(['p0'])),
    rungs: z.array(z.int()),
    keys: z.array(PublicJwk.extend({ kid: z.string(), epoch: z.int() })),
    at: z.string(),
    statement: z.object({ payload: z.string(), signatures: z.array(Signature) }),
  }),
  refuses: [shared.actor_refused, shared.internal_token_invalid],

  async answer(_request, { mandates }: IdentityParts) {
    const { statement, ...told } = await mandates.issuer()
    const signatures = statement.signatures.map((each) => ({ protected: each.protected ?? '', signature: each.signature }))
    const { profiles, rungs, keys } = told
    return { ...told, profiles: [...profiles], rungs: [...rungs], keys: [...keys], statement: { payload: statement.payload, signatures } }
  },
})
