import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { referralsOf } from '../queries.ts'

export const countReferralsRoute = operation({
  get: '/me/referrals',
  id: 'countReferrals',
  summary: 'How many people came because of me; never who',
  authz: { actors: ['person'], scope: 'account.read', object: 'person', relation: 'self', hide: false },
  reply: z.object({ count: z.int() }),
  refuses: [],

  async answer({ caller }, { db }: IdentityParts) {
    return { count: await referralsOf(db, selfOf(caller)) }
  },
})
