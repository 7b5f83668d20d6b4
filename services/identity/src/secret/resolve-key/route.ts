import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { type PlaceRef, SYSTEM } from '../../places.ts'
import { type Used, useSecret } from '../../vault.ts'

const Wanted = z.strictObject({
  provider: z.string().regex(/^[a-z][a-z0-9_.-]{0,99}$/),
  engagementId: idOf<'engagement'>().optional(),
  personId: idOf<'person'>().optional(),
})
const Found = z.object({ key: z.string(), keySource: z.enum(['operator', 'person', 'system']), secretId: z.string() })
const None = z.object({ keySource: z.literal('none') })

export const resolveKeyRoute = operation({
  post: '/internal/keys:resolve',
  id: 'resolveKey',
  summary: 'The model key that pays: of the engagement, else of the person, else of the deployment',
  internal: { auth: 'token', callers: ['companion'] },
  body: Wanted,
  reply: z.union([Found, None]),
  refuses: [shared.actor_refused, shared.internal_token_invalid, shared.invalid_body],

  /** Only keys of kind `api_key` fall through from one place to the next. */
  async answer({ body }, parts: IdentityParts) {
    for (const [keySource, place] of placesOf(body)) {
      const used = await useSecret(parts, place, body.provider, 'api_key')
      if (used !== undefined) return found(used, keySource)
    }
    return { keySource: 'none' as const }
  },
})

type KeySource = 'operator' | 'person' | 'system'

function placesOf({ engagementId, personId }: z.output<typeof Wanted>): readonly (readonly [KeySource, PlaceRef])[] {
  const own: (readonly [KeySource, PlaceRef])[] = []
  if (engagementId !== undefined) own.push(['operator', { scope: 'engagement', scopeId: engagementId }])
  if (personId !== undefined) own.push(['person', { scope: 'person', scopeId: personId }])
  return [...own, ['system', SYSTEM]]
}

function found({ secretId, value }: Used, keySource: KeySource) {
  return { key: value, keySource, secretId }
}
