import { operation, shared } from '@loomworks/service-kit'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { Me, meOf } from '../queries.ts'

export const showMeRoute = operation({
  get: '/me',
  id: 'showMe',
  summary: 'Who I am here',
  authz: { actors: ['person'], scope: 'account.read', object: 'person', relation: 'self', restricted: ['recovery', 'erasing'], hide: false },
  reply: Me,
  refuses: [shared.token_refused],

  async answer({ caller }, { db }: IdentityParts) {
    const me = await meOf(db, selfOf(caller))
    if (me === undefined) throw shared.token_refused()
    return me
  },
})
