import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { DisplayName } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { changeName } from '../change-names.ts'
import { Me, meOf } from '../queries.ts'

export const changeDisplayNameRoute = operation({
  patch: '/me',
  id: 'changeDisplayName',
  summary: 'Change the name others see',
  authz: { actors: ['person'], scope: 'account.write', object: 'person', relation: 'self', hide: false },
  body: z.strictObject({ display_name: DisplayName }),
  reply: Me,
  refuses: [shared.invalid_body, shared.token_refused],

  async answer({ body, caller }, parts: IdentityParts) {
    const personId = selfOf(caller)
    await changeName(parts, personId, { field: 'display_name', name: body.display_name, caller })
    const me = await meOf(parts.db, personId)
    if (me === undefined) throw shared.token_refused()
    return me
  },
})
