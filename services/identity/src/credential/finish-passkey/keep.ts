import { type Caller, type Id, type PersonId, timeOf } from '@loomworks/kernel'
import { statePersonFacts, statingFor } from '../../facts.ts'
import { addPasskey } from '../../owned-factors.ts'
import type { IdentityParts } from '../../parts.ts'
import type { NewPasskey } from '../../passkeys.ts'
import { endRestriction, type Rotated } from '../../rotation.ts'
import { endSessionsOf, type SessionId } from '../../sessions.ts'
import { holdFactors } from '../own.ts'

export interface Keeping {
  readonly personId: PersonId
  readonly sessionId: SessionId
  readonly passkey: NewPasskey
  readonly name: string
  readonly keepSessions: boolean
  readonly caller: Caller
}

export interface KeptPasskey {
  readonly id: Id<'credential'>
  /** The session as it goes on, where this ended its restriction. */
  readonly rotated: Rotated | undefined
}

/** The passkey is the person's from here on. Who came by a recovery has now a way in of their own: the session becomes whole, and the
 *  others, which may be a thief's, end unless they are kept. */
export function keepPasskey({ db, clock, relay }: IdentityParts, keeping: Keeping): Promise<KeptPasskey> {
  const { personId, sessionId, passkey, name, keepSessions, caller } = keeping
  const nowMs = clock.now()
  const stating = statingFor(caller, timeOf(nowMs))
  return db.transaction(async (tx) => {
    await holdFactors(tx, { personId, sessionId })
    const added = await addPasskey(tx, personId, { passkey, name, nowMs })
    await statePersonFacts(tx, personId, [added.fact], stating)
    const rotated = await endRestriction(tx, sessionId, { nowMs, enrolled: added.id })
    if (rotated !== undefined && !keepSessions) await endSessionsOf(tx, personId, { reason: 'recovery', except: sessionId, nowMs, stating })
    relay.wakeAfter(tx)
    return { id: added.id, rotated }
  })
}
