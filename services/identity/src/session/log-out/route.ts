import { timeOf } from '@loomworks/kernel'
import { Answered, operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { statingFor } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { endSession } from '../../sessions.ts'

export const logOutRoute = operation({
  post: '/auth/logout',
  id: 'logOut',
  summary: 'End this session',
  authz: { actors: ['anonymous', 'person'], object: 'session', relation: 'self', restricted: ['recovery', 'erasing'], hide: false },
  limits: { rate: 'ip_only' },
  reply: z.undefined(),
  status: 204,
  refuses: [],

  /** Without a session, or with one that has ended, the outcome is the same: the cookie is gone. */
  async answer({ token, caller }, { db, clock, relay, cookies }: IdentityParts) {
    const { sid } = token
    if (sid !== undefined) {
      await db.transaction(async (tx) => {
        await endSession(tx, sid, 'logout', { nowMs: clock.now(), stating: statingFor(caller, timeOf(clock.now())) })
        relay.wakeAfter(tx)
      })
    }
    return new Answered(204, undefined, { cookies: [cookies.clearSession()] })
  },
})
