import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { subjectKey as refuse } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { subjectKey } from '../../subject-keys.ts'

export const openSubjectKeyRoute = operation({
  post: '/internal/subject-keys:open',
  id: 'openSubjectKey',
  summary: 'The key under which the asking service seals what it keeps about a person',
  internal: { auth: 'token', callers: ['memory', 'companion', 'credit', 'audit'] },
  body: z.strictObject({ personId: idOf<'person'>() }),
  /** 32 bytes as base64url; may be kept for 60 seconds. */
  reply: z.object({ key: z.string() }),
  refuses: [refuse.destroyed, shared.not_found, shared.actor_refused, shared.internal_token_invalid, shared.invalid_body],

  async answer({ body, token }, parts: IdentityParts) {
    const key = await subjectKey(parts, body.personId, token.azp)
    if (key === undefined) throw shared.not_found()
    if (key === 'gone') throw refuse.destroyed()
    return { key: key.toString('base64url') }
  },
})
