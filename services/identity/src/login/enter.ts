import { outboxRowOf, type Stating } from '@loomworks/bus'
import { PersonState } from '@loomworks/contracts'
import { actorFromPerson, idOf, timeOf } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, many, one, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import { setAside } from '../clones.ts'
import { login, credential as refusals } from '../errors.ts'
import { statingFor } from '../facts.ts'
import { heldState } from '../held-person.ts'
import type { IdentityParts } from '../parts.ts'
import {
  type Entering,
  endSession,
  freshSession,
  LIVE_PER_PERSON,
  type OpenedSession,
  openedFact,
  SESSION_COLUMNS,
  type SessionStart,
  sessionValues,
} from '../sessions.ts'
import type { ProvenLogin } from './prove.ts'

const IdRow = z.object({ id: idOf<'session'>() })

/** The challenge is used up, the counter moves on, a session opens and is told: one statement, so of many that bring the same answer
 *  one enters. A counter that does not move on means two authenticators hold the key: the credential is set aside, and that is kept
 *  although the login is refused. */
export async function enter({ db, clock, relay }: IdentityParts, proven: ProvenLogin, entering: Entering): Promise<OpenedSession> {
  const nowMs = clock.now()
  const stating = statingFor({ ...entering.caller, actor: actorFromPerson(proven.person.id) }, timeOf(nowMs))
  const start: SessionStart = { ...entering, personId: proven.person.id, credentialId: proven.credentialRef, amr: ['passkey'], nowMs }
  const opened = freshSession(start)
  const entered = proven.crowded
    ? await db.transaction((tx) => enteredFull(tx, proven, { opened, start, stating }))
    : await enteredOnce(db, proven, { opened, start, stating })
  if (entered.holder === 'locked') throw shared.account_locked()
  if (entered.holder !== 'active' || !entered.taken) throw login.refused()
  if (!entered.moved) {
    await setAside(db, { credentialRef: proven.credentialRef, personId: proven.person.id }, stating)
    relay.wake()
    throw refusals.clone_suspected()
  }
  relay.wake()
  return opened
}

interface Opening {
  readonly opened: OpenedSession
  readonly start: SessionStart
  readonly stating: Stating
}

const Entered = z.object({ holder: PersonState, taken: z.boolean(), moved: z.boolean() })
type Entered = z.output<typeof Entered>

/** The person is held for the time of it: who is locked between the proof and this does not enter, and a lock behind it finds the
 *  session and ends it. */
function enteredOnce(db: Db, proven: ProvenLogin, { opened, start, stating }: Opening): Promise<Entered> {
  const { challengeId, credentialRef, counter, backupState, deviceKnown } = proven
  const told = outboxRowOf({ ...openedFact(opened, start, !deviceKnown), cause: opened.id }, stating)
  return one(
    db,
    Entered,
    prepared(
      'enter',
      sql`with taken as (
            delete from identity.challenges where id = ${challengeId} and purpose = 'login' returning id
          ), holder as (
            select state from identity.persons where id = ${start.personId} for share
          ), moved as (
            update identity.webauthn_credentials
               set sign_count = ${counter}, backup_state = ${backupState}, last_used_at = ${stating.at}
             where id = ${credentialRef} and state = 'active' and (sign_count < ${counter} or (sign_count = 0 and ${counter}::bigint = 0))
               and exists (select from taken) and exists (select from holder where state = 'active')
            returning id
          ), opened as (
            insert into identity.sessions (${SESSION_COLUMNS}) select ${sessionValues(opened, start)} from moved returning id
          ), told as (
            insert into identity.outbox (id, entity_id, subject, headers, data)
            select ${told.id}::uuid, ${told.entityId}, ${told.subject}, '{}', ${told.data} from opened
          )
          select (select state from holder) as holder, exists (select from taken) as taken, exists (select from moved) as moved`,
    ),
  )
}

/** Where the person has nearly all the sessions they may have, they enter one after the other, and the oldest give way. */
async function enteredFull(tx: Db, proven: ProvenLogin, opening: Opening): Promise<Entered> {
  const { nowMs, personId } = opening.start
  await heldState(tx, personId)
  const entered = await enteredOnce(tx, proven, opening)
  if (!entered.moved) return entered
  const surplus = await many(
    tx,
    IdRow,
    sql`select id
          from identity.sessions
         where person_id = ${personId} and revoked_at is null and idle_expires_at > ${timeOf(nowMs)} and absolute_expires_at > ${timeOf(nowMs)}
         order by created_at desc, id desc
        offset ${LIVE_PER_PERSON}`,
  )
  for (const { id } of surplus) await endSession(tx, id, 'revoked', { nowMs, stating: opening.stating })
  return entered
}
