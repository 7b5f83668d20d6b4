import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { CompanionNameText, companionNameOf } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { changeName } from '../change-names.ts'
import { meOf } from '../queries.ts'

export const nameCompanionRoute = operation({
  patch: '/me/companion-name',
  id: 'nameCompanion',
  summary: 'Name the Companion',
  authz: { actors: ['person'], scope: 'account.write', object: 'person', relation: 'self', hide: false },
  body: z.strictObject({ name: CompanionNameText }),
  reply: z.object({ companion_name: z.string() }),
  refuses: [shared.companion_name_invalid, shared.invalid_body, shared.token_refused],

  async answer({ body, caller }, parts: IdentityParts) {
    const personId = selfOf(caller)
    await changeName(parts, personId, { field: 'companion_name', name: companionNameOf(body.name), caller })
    const me = await meOf(parts.db, personId)
    if (me === undefined) throw shared.token_refused()
    return { companion_name: me.companion_name }
  },
})
