import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { askForLogin, ChallengeId } from '../../challenges.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions, requestOptions } from '../../passkeys.ts'

export const beginLoginRoute = operation({
  post: '/auth/login/passkey/begin',
  id: 'beginLogin',
  summary: 'Ask for a passkey of anybody',
  authz: { actors: ['anonymous', 'person'], object: 'session', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({}),
  reply: z.object({ challenge_id: ChallengeId, options: CeremonyOptions }),
  refuses: [],

  async answer(_request, { db, clock, rp }: IdentityParts) {
    const { id, challenge } = await askForLogin(db, clock.now())
    return { challenge_id: id, options: { ...(await requestOptions(rp, challenge)) } }
  },
})
