import { actorFromPerson, type Caller, idOf, type SagaId, timeOf } from '@loomworks/kernel'
import { type Db, exec, maybe, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { statingFor } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { endSession, type OpenedSession, openSession, type SessionDelivery } from '../../sessions.ts'
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
 *  leaves nothing open. */
export function openSignupSession({ db, clock, relay }: IdentityParts, { sagaId, delivery, caller, clientIp, device }: SignupSession): Promise<OpenedSession> {
  const nowMs = clock.now()
  const personId = personOfSaga(sagaId)
  const stating = statingFor({ ...caller, actor: actorFromPerson(personId) }, timeOf(nowMs))
  return db.transaction(async (tx) => {
    await completeRegistration(tx, sagaId, nowMs)
    const former = await formerSession(tx, sagaId)
    if (former !== null) await endSession(tx, former, 'revoked', { nowMs, stating })
    const credentialId = await firstPasskey(tx, personId)
    const session = await openSession(tx, { personId, credentialId, delivery, amr: ['passkey', 'totp'], device, clientIp, nowMs }, stating)
    await exec(tx, sql`update identity.pending_registrations set session_id = ${session.id} where saga_id = ${sagaId}`)
    relay.wakeAfter(tx)
    return session
  })
}

/** Locks the registration, so that of parallel calls each ends the session of the one before. */
async function formerSession(tx: Db, sagaId: SagaId) {
  const row = await maybe(
    tx,
    z.object({ session_id: idOf<'session'>().nullable() }),
    sql`select session_id from identity.pending_registrations where saga_id = ${sagaId} for update`,
  )
  return row?.session_id ?? null
}

async function firstPasskey(tx: Db, personId: string): Promise<string> {
  const { id } = await one(
    tx,
    z.object({ id: z.string() }),
    sql`select id from identity.webauthn_credentials where person_id = ${personId} order by created_at, id limit 1`,
  )
  return id
}
