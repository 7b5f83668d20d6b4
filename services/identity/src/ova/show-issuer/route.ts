import { operation, shared } from '@loomworks/service-kit'
import type { IdentityParts } from '../../parts.ts'
import { Issuer } from '../mandates.ts'

export const showIssuerRoute = operation({
  get: '/internal/ova/issuer',
  id: 'showIssuer',
  summary: 'The public keys of mandates, of this day and the one before, for whoever checks one',
  internal: { auth: 'token', callers: ['companion'] },
  reply: Issuer,
  refuses: [shared.actor_refused, shared.internal_token_invalid],

  answer: (_request, { mandates }: IdentityParts) => mandates.issuer(),
})
