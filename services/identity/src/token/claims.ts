import { AccountStatus, PersonState, Role } from '@loomworks/contracts'
import { actorFromPerson, actorFromService, equalSecrets } from '@loomworks/kernel'
import { type Db, maybe, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { IdentityParts } from '../parts.ts'
import { type Brought, openedByReplaced } from '../rotation.ts'
import { type LiveSession, sessionOf } from '../sessions.ts'
import type { Claims } from '../signing.ts'
import { openedByAgent } from './agent-claims.ts'
import { roleScopes, sessionScopes } from './rights.ts'

const Holder = z.object({ state: PersonState, account_status: AccountStatus, roles: z.array(Role) })

export interface Opened {
  readonly claims: Omit<Claims, 'aud' | 'azp'>
  /** Class of the gateway's limits for whoever this is. */
  readonly rateClass: 'person' | 'operator' | 'agent'
  /** A token that was replaced opens nothing beyond this. */
  readonly endsAtMs?: number
}
type Opens = Opened | 'token_refused' | 'session_expired' | 'account_locked'

/** What the credential with this hash opens, or the code that says why it opens nothing. */
export async function claimsOf(parts: IdentityParts, brought: Brought): Promise<Opens> {
  const { db, clock, operatorHash } = parts
  const { hash } = brought
  if (operatorHash !== undefined && equalSecrets(operatorHash, hash)) return OPERATOR
  const session = await sessionOf(db, hash, clock.now())
  if (session === 'over') return 'session_expired'
  if (session !== 'unknown') return opensSession(db, session)
  const replaced = await openedByReplaced(parts, brought)
  if (replaced === 'over') return 'session_expired'
  if (replaced === 'unknown') return (await openedByAgent(db, hash, clock.now())) ?? 'token_refused'
  const opens = await opensSession(db, replaced.session)
  return typeof opens === 'string' ? opens : { ...opens, endsAtMs: replaced.endsAtMs }
}

async function opensSession(db: Db, session: LiveSession): Promise<Opens> {
  const holder = await holderOf(db, session.person_id)
  if (holder.state === 'locked') return 'account_locked'
  // Who is being erased can only look and call it off.
  const mayEnter = holder.state === 'active' || (holder.state === 'erasing' && session.restricted === 'erasing')
  if (!mayEnter) return 'token_refused'
  return { claims: sessionClaims(session, holder), rateClass: 'person' }
}

/** The operator token of an embedded deployment has the rights of role ops and is nobody's session. */
const OPERATOR: Opened = { claims: { sub: 'operator', act: actorFromService('operator'), roles: ['ops'], scope: roleScopes(['ops']) }, rateClass: 'operator' }

function sessionClaims(session: LiveSession, { roles, account_status }: z.output<typeof Holder>): Opened['claims'] {
  const { id, person_id, amr, auth_time, step_up_at, step_up_level, restricted } = session
  return {
    sub: person_id,
    sid: id,
    act: actorFromPerson(person_id),
    amr,
    auth_time: secondsOf(auth_time),
    ...(step_up_at !== null && step_up_level !== null && { step_up: { at: secondsOf(step_up_at), level: step_up_level } }),
    scope: sessionScopes(roles),
    ...(roles.length > 0 && { roles }),
    account: account_status,
    ...(restricted !== 'none' && { restricted }),
  }
}

function secondsOf(time: string): number {
  return Math.floor(Date.parse(time) / 1000)
}

async function holderOf(db: Db, personId: string): Promise<z.output<typeof Holder>> {
  const holder = await maybe(
    db,
    Holder,
    prepared(
      'token_holder',
      sql`select state, account_status,
                 array(select r.role from identity.person_roles r where r.person_id = p.id and r.active order by r.role) as roles
            from identity.persons p
           where id = ${personId}`,
    ),
  )
  return holder ?? { state: 'erased', account_status: 'deleted', roles: [] }
}
