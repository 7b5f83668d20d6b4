import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'

const PublicKey = z.looseObject({ kty: z.string(), kid: z.string().optional() })

export const publishKeysRoute = operation({
  get: '/internal/keys',
  id: 'publishKeys',
  summary: 'The public keys of internal tokens',
  internal: { auth: 'service_secret' },
  reply: z.object({ keys: z.array(PublicKey) }),
  refuses: [shared.internal_token_invalid],

  async answer(_request, { signing }: IdentityParts) {
    const { keys } = await signing.keys()
    return { keys: keys.map((key) => ({ ...key, kty: key.kty ?? 'OKP' })) }
  },
})
