import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../parts.ts'
import { namesOf, PersonNames } from './queries.ts'

const IDS_MAX = 500

export const personNamesRoute = operation({
  post: '/internal/persons:names',
  id: 'personNames',
  summary: 'What persons are called, joined at the moment of reading',
  internal: { auth: 'token', callers: ['memory', 'companion', 'credit', 'audit'] },
  body: z.strictObject({ ids: z.array(idOf<'person'>()).max(IDS_MAX) }),
  reply: z.array(PersonNames.nullable()),
  refuses: [shared.internal_token_invalid, shared.actor_refused, shared.invalid_body],

  async answer({ body }, { db }: IdentityParts) {
    return [...(await namesOf(db, body.ids))]
  },
})
