import { RecoveryUsed } from '@loomworks/contracts'
import { actorFromPerson, timeOf } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { login } from '../../errors.ts'
import { fact, statePersonFacts, statingFor } from '../../facts.ts'
import { heldState } from '../../held-person.ts'
import type { IdentityParts } from '../../parts.ts'
import { type Entering, type OpenedSession, openSession } from '../../sessions.ts'
import { forgetTries } from '../../throttles.ts'
import { spendStep } from '../../totp-proof.ts'
import type { ProvenRecovery } from './prove.ts'

const Left = z.object({ left: z.int() })

/** Spends both factors and opens a session that can do little but make a new passkey, or does nothing: of many that bring the same
 *  factors one enters. */
export function enterRecovering({ db, clock, relay, mail }: IdentityParts, proven: ProvenRecovery, entering: Entering): Promise<OpenedSession> {
  const { personId, email, throttles } = proven
  const nowMs = clock.now()
  const stating = statingFor({ ...entering.caller, actor: actorFromPerson(personId) }, timeOf(nowMs))
  return db.transaction(async (tx) => {
    // Who was locked since the proof does not enter; a lock that comes later finds the session.
    const held = await heldState(tx, personId)
    if (held === 'locked') throw shared.account_locked()
    if (held !== 'active') throw login.refused()
    const codesLeft = await spent(tx, proven, nowMs)
    const session = await openSession(
      tx,
      { ...entering, personId, credentialId: null, amr: ['totp', 'recovery_code'], stepUp: 'any', restricted: 'recovery', nowMs },
      stating,
    )
    await statePersonFacts(tx, personId, [fact(RecoveryUsed, { personId, codesLeft })], stating)
    for (const throttle of throttles) await forgetTries(tx, throttle)
    if (mail.sends) await mail.send(tx, { key: `recovery_used/${session.id}`, to: email, personId, template: 'recovery_used', data: { codesLeft } })
    relay.wakeAfter(tx)
    return session
  })
}

/** How many codes are left once this one is used; refuses `login.refused` where either factor was used meanwhile. */
async function spent(tx: Db, { personId, step, digest }: ProvenRecovery, nowMs: number): Promise<number> {
  const code = await exec(
    tx,
    sql`update identity.recovery_codes
           set used_at = ${timeOf(nowMs)}
         where person_id = ${personId} and digest = ${digest} and used_at is null`,
  )
  if (code !== 1 || !(await spendStep(tx, personId, step))) throw login.refused()
  const { left } = await one(tx, Left, sql`select count(*)::integer as left from identity.recovery_codes where person_id = ${personId} and used_at is null`)
  return left
}
