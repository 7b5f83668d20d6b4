import { actorFromPerson, type Caller, idOf, type SagaId, timeOf } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, exec, one, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import { signup } from '../../errors.ts'
import { statingFor } from '../../facts.ts'
import { heldState } from '../../held-person.ts'
import type { IdentityParts } from '../../parts.ts'
import { endSession, type OpenedSession, openSession } from '../../sessions.ts'
import { RegistrationState, type SessionDelivery } from '../../vocabulary.ts'
import { completeRegistration } from '../ending.ts'
import { personOfSaga } from '../saga.ts'

export interface SignupSession {
  readonly sagaId: SagaId
  readonly delivery: SessionDelivery
  readonly caller: Caller
  readonly clientIp: string
  readonly device: string
}

/** A session for who has just signed up. Called again, it opens a new one and ends the former: a lost answer loses nothing, and
 *  leaves nothing open. Refuses `account_locked` who was locked since, and `signup.done_log_in` who is leaving or gone. */
export function openSignupSession({ db, clock, relay }: IdentityParts, { sagaId, delivery, caller, clientIp, device }: SignupSession): Promise<OpenedSession> {
  const nowMs = clock.now()
  const personId = personOfSaga(sagaId)
  const stating = statingFor({ ...caller, actor: actorFromPerson(personId) }, timeOf(nowMs))
  return db.transaction(async (tx) => {
    const held = await heldState(tx, personId)
    if (held === 'locked') throw shared.account_locked()
    if (held !== 'active') throw signup.done_log_in()
    const { state, former, credential } = await standingOf(tx, sagaId)
    if (state !== 'completed') await completeRegistration(tx, sagaId, nowMs)
    if (former !== null) await endSession(tx, former, 'revoked', { nowMs, stating })
    const session = await openSession(tx, { personId, credentialId: credential, delivery, amr: ['passkey', 'totp'], device, clientIp, nowMs }, stating)
    await exec(tx, prepared('signup_session', sql`update identity.pending_registrations set session_id = ${session.id} where saga_id = ${sagaId}`))
    relay.wakeAfter(tx)
    return session
  })
}

const Standing = z.object({ state: RegistrationState, former: idOf<'session'>().nullable(), credential: idOf<'credential'>() })

/** The registration, locked, so that of parallel calls each ends the session of the one before; and the passkey it brought. */
function standingOf(tx: Db, sagaId: SagaId): Promise<z.output<typeof Standing>> {
  return one(
    tx,
    Standing,
    prepared(
      'signup_standing',
      sql`select r.state, r.session_id as former,
                 (select c.id from identity.webauthn_credentials c where c.person_id = ${personOfSaga(sagaId)} order by c.created_at, c.id limit 1) as credential
            from identity.pending_registrations r
           where r.saga_id = ${sagaId}
             for update`,
    ),
  )
}
