import { CredentialCloneSuspected } from '@loomworks/contracts'
import { actorFromPerson, type Caller, timeOf } from '@loomworks/kernel'
import { type Db, exec, prepared, sql } from '@loomworks/sql'
import { credential as refusals } from '../errors.ts'
import { fact, statePersonFacts, statingFor } from '../facts.ts'
import type { IdentityParts } from '../parts.ts'
import { type OpenedSession, openSession } from '../sessions.ts'
import type { SessionDelivery } from '../vocabulary.ts'
import type { ProvenLogin } from './prove.ts'

export interface Entering {
  readonly delivery: SessionDelivery
  readonly caller: Caller
  readonly clientIp: string
  readonly device: string
}

/** One transaction: the counter moves on and a session opens. A counter that does not move on means two authenticators hold the
 *  key: the credential is set aside, and that is kept although the login is refused. */
export async function enter({ db, clock, relay }: IdentityParts, proven: ProvenLogin, entering: Entering): Promise<OpenedSession> {
  const nowMs = clock.now()
  const { personId, credentialRef } = proven
  const stating = statingFor({ ...entering.caller, actor: actorFromPerson(personId) }, timeOf(nowMs))
  const session = await db.transaction(async (tx) => {
    relay.wakeAfter(tx)
    if (await counterMoves(tx, proven, nowMs)) {
      const { delivery, clientIp, device } = entering
      return openSession(tx, { personId, credentialId: credentialRef, delivery, amr: ['passkey'], device, clientIp, nowMs }, stating)
    }
    if (await setAside(tx, credentialRef, nowMs)) await statePersonFacts(tx, personId, [fact(CredentialCloneSuspected, { personId, credentialRef })], stating)
    return undefined
  })
  if (session === undefined) throw refusals.clone_suspected()
  return session
}

async function counterMoves(tx: Db, { credentialRef, counter, backupState }: ProvenLogin, nowMs: number): Promise<boolean> {
  const moved = await exec(
    tx,
    prepared(
      'counter_moves',
      sql`update identity.webauthn_credentials
             set sign_count = ${counter}, backup_state = ${backupState}, last_used_at = ${timeOf(nowMs)}
           where id = ${credentialRef} and state = 'active' and (sign_count < ${counter} or (sign_count = 0 and ${counter}::bigint = 0))`,
    ),
  )
  return moved === 1
}

async function setAside(tx: Db, credentialRef: string, nowMs: number): Promise<boolean> {
  const changed = await exec(
    tx,
    sql`update identity.webauthn_credentials
           set state = 'suspect', clone_suspected_at = ${timeOf(nowMs)}
         where id = ${credentialRef} and state = 'active'`,
  )
  return changed === 1
}
