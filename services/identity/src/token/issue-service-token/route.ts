import { actorFromService, ServiceName } from '@loomworks/kernel'
import { operation, ServiceToken, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'

export const issueServiceTokenRoute = operation({
  post: '/internal/tokens/service',
  id: 'issueServiceToken',
  summary: 'A token with which one service calls another',
  internal: { auth: 'service_secret' },
  body: z.strictObject({ audience: ServiceName }),
  reply: ServiceToken,
  refuses: [shared.internal_token_invalid, shared.invalid_body],

  async answer({ body, from }, { signing }: IdentityParts) {
    const azp = ServiceName.parse(from)
    return signing.mint({ aud: body.audience, sub: azp, azp, act: actorFromService(azp), scope: '' })
  },
})
