import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { livePasskeys, otherFactors, PasskeyShown } from '../queries.ts'

export const listCredentialsRoute = operation({
  get: '/me/credentials',
  id: 'listCredentials',
  summary: 'What I can prove myself by',
  authz: { actors: ['person'], scope: 'account.read', object: 'credential', relation: 'self', hide: false },
  reply: z.object({
    passkeys: z.array(PasskeyShown),
    totp: z.object({ confirmed_at: z.string() }).nullable(),
    recovery_codes: z.object({ left: z.int() }),
  }),
  refuses: [],

  async answer({ caller }, { db }: IdentityParts) {
    const personId = selfOf(caller)
    const passkeys = await livePasskeys(db, personId)
    const { totp_confirmed_at, codes_left } = await otherFactors(db, personId)
    return { passkeys: [...passkeys], totp: totp_confirmed_at === null ? null : { confirmed_at: totp_confirmed_at }, recovery_codes: { left: codes_left } }
  },
})
