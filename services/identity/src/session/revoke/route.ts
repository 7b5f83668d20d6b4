import { idOf, timeOf } from '@loomworks/kernel'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { statingFor } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { endSession } from '../../sessions.ts'
import { isSessionOf } from '../queries.ts'

export const revokeSessionRoute = operation({
  delete: '/me/sessions/:id',
  id: 'revokeSession',
  summary: 'End one of my sessions',
  authz: { actors: ['person'], scope: 'account.security', object: 'session', idFrom: 'params.id', relation: 'self', hide: true },
  params: z.strictObject({ id: idOf<'session'>() }),
  reply: z.undefined(),
  status: 204,
  refuses: [shared.not_found, shared.invalid_body],

  /** The outcome is the same where it has ended already. */
  async answer({ params, caller, token }, { db, clock, relay, cookies }: IdentityParts) {
    const nowMs = clock.now()
    if (!(await isSessionOf(db, selfOf(caller), params.id))) throw shared.not_found()
    await db.transaction(async (tx) => {
      await endSession(tx, params.id, 'revoked', { nowMs, stating: statingFor(caller, timeOf(nowMs)) })
      relay.wakeAfter(tx)
    })
    return new Answered(204, undefined, { cookies: params.id === token.sid ? [cookies.clearSession()] : [] })
  },
})
