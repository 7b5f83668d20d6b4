import { type Caller, timeOf } from '@loomworks/kernel'
import { statingFor } from '../facts.ts'
import type { IdentityParts } from '../parts.ts'
import { selfOf } from '../self.ts'
import { endSessionsOf, type SessionId } from '../sessions.ts'

/** Ends the caller's sessions, all but the one that stays; gives how many. */
export function revokeOwn({ db, clock, relay }: IdentityParts, caller: Caller, except: SessionId | undefined): Promise<number> {
  const nowMs = clock.now()
  return db.transaction(async (tx) => {
    const revoked = await endSessionsOf(tx, selfOf(caller), { reason: 'revoked', except, nowMs, stating: statingFor(caller, timeOf(nowMs)) })
    relay.wakeAfter(tx)
    return revoked
  })
}
